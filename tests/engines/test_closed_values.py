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
