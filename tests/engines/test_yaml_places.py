"""What is wrong in a condition is told with its place in the file, however YAML lays the condition out."""

import pytest

from resources.errors import InvalidDocument
from scheduler_defs.engines.policy import compile_policy

LAYOUTS = {
    "plain": "when: true || wrong == 1",
    "plain, of several lines": "when: true ||\n\n      match == 'x  y' ||\n      wrong == 1",
    "single quotes": "when: '''a'' == match || wrong == 1'",
    "single quotes, of several lines": "when: 'true || ''a'' == match ||\n\n\n      wrong == 1'",
    "double quotes": r'when: "\"a\" == match || wrong == 1"',
    "double quotes, of several lines": 'when: "\\"a\\\\\\\\b\\" == match ||\\n\\\n      \\t wrong == 1"',
    "literal": "when: |\n      // éß\n      true ||\n\n        wrong == 1",
    "literal, kept": "when: |2+\n      true ||\n      wrong == 1\n\n",
    "folded": "when: >\n      true\n      || match == 'a  b'\n\n      || wrong == 1",
    "folded, stripped, with a remark": "when: >- # why\n      true ||\n      wrong == 1",
    "with a tag and an anchor": "when: !!str &it >-\n      true ||\n      wrong == 1",
    "an alias": "when: *it",
}


def document(when: str) -> str:
    named = "description: &it\n  true ||\n    wrong == 1\n" if when.endswith("*it") else ""
    return f"{named}name: x\nrules:\n  - name: a\n    verdict: warn\n    {when}\ndefault: warn\n"


def refused(text: str) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        compile_policy("test.yaml", text)
    return caught.value


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("when", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_place_is_the_files(when: str, line_break: str) -> None:
    text = document(when).replace("\n", line_break)
    error = refused(text)
    line, column = map(int, error.path.split(":"))
    assert text.split(line_break)[line - 1][column - 1 :].startswith("wrong")
    assert error.reason.startswith("rules[0].when: unknown variable 'wrong'")


def test_a_condition_that_stops_too_early_ends_where_its_last_character_does() -> None:
    assert refused(document("when: >\n      match ==\n      'a' ||\n\n")).path == "7:13"


def test_where_escapes_hide_the_place_it_is_told_in_the_condition() -> None:
    error = refused(document('when: "true ||\\n \\x77rong == 1"'))
    assert error.path == "5:11"
    expected = "rules[0].when: in the condition, at line 2, column 2: unknown variable 'wrong'"
    assert error.reason.startswith(expected)


def test_what_is_wrong_with_all_of_it_is_told_where_it_begins() -> None:
    error = refused(document("when: >\n      1 +\n      1"))
    assert (error.path, error.reason) == ("5:11", "rules[0].when: gives 2; a condition is true or false")
