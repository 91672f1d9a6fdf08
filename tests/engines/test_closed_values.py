"""Texts that a field never holds are found in conditions, and in nothing that only looks like one."""

import pytest

from scheduler_defs.engines.conditions import compile_condition


@pytest.mark.parametrize(
    "condition",
    [
        'advisory.severity == "high" || match != "unknown"',
        """advisory.severity == // "hgih"
        "low" """,
        'component.name == "advisory.severity == \\"hgih\\""',
        'advisory.aliases.exists(match, match == "CVE-1")',
        'image.tag == "match" && vex.status == ""',
        'advisory.id in ["hgih"] || advisory.severity in []',
        'advisory.severity + "" == "hgih"',
    ],
)
def test_what_compares_with_no_such_text_is_accepted(condition):
    compile_condition(condition)


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low", "none", "unknown"])
def test_every_severity_is_one(severity):
    compile_condition(f"advisory.severity == '{severity}'")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (
            'match == "affected" &&\n  advisory.sevrity == "x"',
            "line 2, column 3 of the condition: unknown field",
        ),
        ("true ||\n  // of\n nothing == 1", "line 3, column 2 of the condition: unknown variable 'nothing'"),
        ('match == "nothing" ||\n  match == "unknown"', "line 1, column 10 of the condition: compares match"),
        (
            "true &&\n\n    lower(match) == match",
            "line 3, column 5 of the condition: unknown function 'lower'",
        ),
        (
            '"""a\nb""" == match ||\n vex.status in ["", "fixd"]',
            "line 3, column 21 of the condition: compares",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(condition, said):
    with pytest.raises(ValueError, match=said):
        compile_condition(condition)
