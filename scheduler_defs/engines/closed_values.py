"""Comparisons in conditions that mean nothing: advisory.severity == "hgih", and texts ordered by the alphabet."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

from scheduler_defs.engines.condition_errors import ConditionError
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.vex_statements import VexStatus

CLOSED: Mapping[str, tuple[str, ...]] = {
    "advisory.severity": tuple(str(one) for one in Severity),
    "match": ("affected", "unknown"),
    "vex.status": ("", *(str(one) for one in VexStatus)),
}
UNORDERED: Mapping[str, str] = {
    "advisory.severity": 'advisory.severity in ["critical", "high"], or advisory.score >= 7.0',
    "match": 'match == "affected"',
    "vex.status": 'vex.status in ["not_affected", "fixed"]',
    "vex.justification": 'vex.justification == "component_not_present"',
    "component.version": 'single versions, as component.version in ["1.0", "1.1"]',
}
"""Texts whose order says nothing, with what to write instead of it."""
_EQUAL, _ORDER = frozenset({"==", "!="}), frozenset({"<", "<=", ">", ">="})
_TRANSPARENT = frozenset({"dyn", "string"})
_TOKEN = re.compile(
    r'(?P<text>"[^"]*")|(?P<sign>\bin\b|[<>=!]=|\d[\w.]*)|(?P<name>[A-Za-z_]\w*)|(?P<other>\S)'
)
_PLAIN = re.compile(r"""(?P<quote>["'])(?P<text>[^"'\\]*)(?P=quote)""")


@dataclass(frozen=True, slots=True)
class _Token:
    """A part of a condition: a sign, a path of names, or a text, whose value is None where it is not plain."""

    kind: str
    value: str | None
    offset: int

    @property
    def sign(self) -> str | None:
        """The sign that it is, if it is one."""
        return self.value if self.kind == "sign" else None


_NOTHING = _Token("sign", "", 0)


def check_values(expression: str, code: str, loops: Set[str]) -> None:
    """Raises ConditionError for a comparison with a text that the field never holds, and for an order of such texts.

    ``code`` is the condition with its texts blank, ``loops`` are the names of its loops' variables.
    """
    tokens = [_NOTHING, _NOTHING, *_spelled_out(_tokens(expression, code)), _NOTHING, _NOTHING]
    for at, token in enumerate(tokens):
        name, before, after = token.value, tokens[at - 1].sign, tokens[(at + 1) % len(tokens)].sign
        if token.kind != "name" or not name or name.partition(".")[0] in loops or before == ".":
            continue
        order = before if before in _ORDER else after
        if name in UNORDERED and order in _ORDER:
            reason = f"orders {name} by {order}, which goes by the alphabet; expected {UNORDERED[name]}"
            raise ConditionError(reason, expression, token.offset)
        for text in _compared_with(tokens, at) if name in CLOSED else ():
            if text.value is not None and text.value not in CLOSED[name]:
                expected = ", ".join(map(repr, CLOSED[name]))
                reason = f"compares {name} with {text.value!r}, which it never is; expected one of {expected}"
                raise ConditionError(reason, expression, text.offset)


def _tokens(expression: str, code: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(code):
        if found.lastgroup == "text":
            plain = _PLAIN.fullmatch(expression[found.start() : found.end()])
            yield _Token("text", plain["text"] if plain else None, found.start())
        else:
            yield _Token("name" if found.lastgroup == "name" else "sign", found[0], found.start())


def _spelled_out(tokens: Iterable[_Token]) -> list[_Token]:
    """Writes `advisory["severity"]`, `(advisory).severity` and `string(advisory.severity)` as one name."""
    done: list[_Token] = []
    for token in tokens:
        done.append(token)
        shape = [one.sign or one.kind for one in done[-4:]]
        if shape[-3:] == ["name", ".", "name"]:
            done[-3:] = [_path(done[-3], done[-1])]
        elif shape == ["name", "[", "text", "]"]:
            done[-4:] = [_path(done[-4], done[-2])]
        elif shape[-3:] in (["(", "name", ")"], ["(", "text", ")"]):
            called = done[-4] if shape[0] == "name" else None
            if called is None:
                done[-3:] = [done[-2]]
            elif called.value in _TRANSPARENT:
                done[-4:] = [done[-2]]
    return done


def _path(of: _Token, key: _Token) -> _Token:
    return _Token("name", f"{of.value}.{key.value}", of.offset)


def _compared_with(tokens: Sequence[_Token], at: int) -> Iterator[_Token]:
    """The texts that a field is said to be or not to be, before and after it."""
    earlier, before, _, after, later = tokens[at - 2 : at + 3]
    if before.sign in _EQUAL and earlier.kind == "text":
        yield earlier
    if after.sign in _EQUAL and later.kind == "text":
        yield later
    if after.sign == "in" and later.sign == "[":
        listed = takewhile(lambda one: one.sign != "]", tokens[at + 3 :])
        yield from (one for one in listed if one.kind == "text")
