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
        "size(component.version) > 3 && 3 < component.version.size()",
        'component["name"] < "b" && advisory.score >= 7.0',
        'image.tag == "<" || component.version == "1.0"',
        '"match" in image.labels && image.labels . match == "hgih"',
        'advisory.aliases.exists(match, match < "CVE-2")',
        '"a" == "<" || component.version in ["<", "]"]',
    ],
)
def test_what_compares_with_no_such_text_is_accepted(condition):
    compile_condition(condition)


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low", "none", "unknown"])
def test_every_severity_is_one(severity):
    compile_condition(f"advisory.severity == '{severity}'")


@pytest.mark.parametrize(
    "condition",
    [
        'advisory["severity"] == "hgih"',
        "'hgih' != advisory [ 'severity' ]",
        '(advisory).severity == "hgih"',
        '((advisory)["severity"]) == ("hgih")',
        'advisory . severity in ["high", "hgih"]',
        'string(advisory.severity) == "hgih"',
        '"high" == "high" && dyn((advisory).severity) in ["high", ("hgih")]',
        '!(advisory.severity == "hgih")',
    ],
)
def test_a_text_that_there_is_not_is_found_however_the_field_is_spelled(condition):
    with pytest.raises(ValueError, match=r"compares advisory\.severity with 'hgih'"):
        compile_condition(condition)


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ('advisory.severity >= "high"', "advisory.severity"),
        ('"high" <= advisory.severity', "advisory.severity"),
        ('advisory["severity"] < "high" || true', "advisory.severity"),
        ('true || (advisory).severity > "high"', "advisory.severity"),
        ('match > "affected"', "match"),
        ('"" < vex.status', "vex.status"),
        ("vex.justification <= vex.note", "vex.justification"),
        ('component.version < "2.0"', "component.version"),
        ('component.version != "" && "1.0" <= string(component.version)', "component.version"),
    ],
)
def test_an_order_of_texts_is_refused_with_what_may_be_meant(condition, field):
    with pytest.raises(ValueError, match=rf"orders {field} by .*alphabet; expected .*{field}") as caught:
        compile_condition(condition)
    if field == "advisory.severity":
        expected = 'expected advisory.severity in ["critical", "high"], or advisory.score >= 7.0'
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (
            'match == "unknown" ||\n  advisory.severity >= "high"',
            "in the condition, at line 2, column 3: orders",
        ),
        (
            'match == "unknown" ||\n  advisory["severity"] == "x"',
            "in the condition, at line 2, column 27: compares",
        ),
        (
            'match == "affected" &&\n  advisory.sevrity == "x"',
            "in the condition, at line 2, column 3: unknown field",
        ),
        (
            "true ||\n  // of\n nothing == 1",
            "in the condition, at line 3, column 2: unknown variable 'nothing'",
        ),
        (
            'match == "nothing" ||\n  match == "unknown"',
            "in the condition, at line 1, column 10: compares match",
        ),
        (
            "true &&\n\n    lower(match) == match",
            "in the condition, at line 3, column 5: unknown function 'lower'",
        ),
        (
            '"""a\nb""" == match ||\n vex.status in ["", "fixd"]',
            "in the condition, at line 3, column 21: compares",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(condition, said):
    with pytest.raises(ValueError, match=said):
        compile_condition(condition)
