"""Texts in conditions that a field never holds, such as advisory.severity == "hgih"."""

import re
from collections.abc import Iterator, Mapping, Set

from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.vex_statements import VexStatus

CLOSED: Mapping[str, tuple[str, ...]] = {
    "advisory.severity": tuple(str(one) for one in Severity),
    "match": ("affected", "unknown"),
    "vex.status": ("", *(str(one) for one in VexStatus)),
}
_NAME = rf"(?<![\w.])({'|'.join(map(re.escape, CLOSED))})"
_COMPARED = re.compile(rf'{_NAME}\s*[=!]=\s*"(\d+)"')
_REVERSED = re.compile(rf'"(\d+)"\s*[=!]=\s*{_NAME}(?![\w.])')
_LISTED = re.compile(rf"{_NAME}\s+in\s+\[([^\]]*)\]")
_PLAIN = re.compile(r"""(?P<quote>["'])(?P<text>[^"'\\]*)(?P=quote)""")


def check_values(expression: str, literals: re.Pattern[str], loops: Set[str]) -> None:
    """Raises ValueError for a comparison with a text that the field never holds.

    ``literals`` finds the texts and comments of a condition, ``loops`` are the names of its loops' variables.
    """
    texts: list[re.Match[str]] = []

    def numbered(found: re.Match[str]) -> str:
        texts.append(found)
        return " " if found[0].startswith("//") else f'"{len(texts) - 1}"'

    code = literals.sub(numbered, expression)
    for name, number in _comparisons(code):
        literal = texts[int(number)]
        plain = _PLAIN.fullmatch(literal[0])
        if plain and name.partition(".")[0] not in loops and plain["text"] not in CLOSED[name]:
            expected, at = (
                ", ".join(repr(value) for value in CLOSED[name]),
                place(expression, literal.start()),
            )
            raise ValueError(
                f"{at}compares {name} with {plain['text']!r}, which it never is; expected one of {expected}"
            )


def place(expression: str, offset: int) -> str:
    """Where something stands in a condition, as its errors begin: line and column from 1."""
    line, column = expression.count("\n", 0, offset) + 1, offset - expression.rfind("\n", 0, offset)
    return f"line {line}, column {column} of the condition: "


def _comparisons(code: str) -> Iterator[tuple[str, str]]:
    yield from _COMPARED.findall(code)
    for number, name in _REVERSED.findall(code):
        yield name, number
    for name, listed in _LISTED.findall(code):
        for number in re.findall(r'"(\d+)"', listed):
            yield name, number
