"""Nodes of a YAML document, whose errors carry the position of what is wrong."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from resources.errors import InvalidDocument

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_HEADER = re.compile(r"(?:[!&]\S*\s+)*(?:[|>][^\r\n]*)?")
"""A scalar's tag and anchor, and how a block begins."""
_CHARACTER = re.compile(".", re.DOTALL)
_UNITS = {'"': re.compile(r"\\?.", re.DOTALL), "'": re.compile("''|.", re.DOTALL)}
"""What says one character, by the quote around the scalar."""
_ESCAPED = frozenset("\"\\/'")
"""What is escaped and says itself."""


class Nodes:
    """Reads the nodes of one YAML document; every error is an InvalidDocument whose path is line:column, from 1."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._text = ""

    def root(self, text: str, kind: str) -> yaml.Node:
        """Return the one document's root; `kind` says what was expected of an empty text."""
        self._text = text
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = _position(mark) if mark else "1:1"
            raise InvalidDocument(self._source, where, f"is not YAML: {error.problem}") from error
        except yaml.reader.ReaderError as error:
            where = _place(text, error.position)
            raise InvalidDocument(self._source, where, f"is not YAML: {error.reason}") from error
        except RecursionError as error:
            raise InvalidDocument(self._source, "1:1", "is nested too deeply") from error
        if node is None:
            raise InvalidDocument(self._source, "1:1", f"is empty; expected {kind}")
        return node

    def mapping(
        self, node: yaml.Node, path: str, required: set[str], optional: set[str]
    ) -> dict[str, yaml.Node]:
        """Return a mapping's values by its keys; `path` names it in errors."""
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{path}: expected a mapping with {', '.join(sorted(required))}")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name not in required | optional:
                expected = ", ".join(sorted(required | optional))
                raise self.error(key, f"{path}: unknown key {name!r}; expected one of {expected}")
            if name in fields:
                raise self.error(key, f"{path}: key {name!r} stands here twice")
            fields[name] = value
        for name in sorted(required - fields.keys()):
            raise self.error(node, f"{path}: key {name!r} is missing")
        return fields

    def items(self, node: yaml.Node, path: str) -> list[yaml.Node]:
        """Return a list's items."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"{path}: expected a list")
        return list(node.value)

    def text(self, node: yaml.Node, path: str) -> str:
        """Return a scalar's text as written, so that `when: true` is the condition true."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.tag.endswith(":null"):
            raise self.error(node, f"{path}: expected text")
        if _NOT_STORABLE.search(node.value):
            raise self.error(node, f"{path}: holds a NUL or half a surrogate pair, which no database stores")
        return str(node.value).strip()

    def error(self, node: yaml.Node, reason: str, at: str | None = None) -> InvalidDocument:
        """Return the error at a node, or at a place of its text."""
        return InvalidDocument(self._source, at or _position(node.start_mark), reason)

    def place_in(self, node: yaml.Node, offset: int) -> str | None:
        """Return where in the document a character of a scalar's text stands, counted as `text` returns it.

        None where that cannot be told: the text is written with escapes that say other characters.
        """
        if not isinstance(node, yaml.ScalarNode):
            return None
        text = str(node.value).strip()
        written = list(_written(self._text, node))
        if [character for character, _ in written] != [one for one in text if not one.isspace()]:
            return None
        number = sum(not one.isspace() for one in text[:offset])
        return _place(self._text, written[number][1] if number < len(written) else written[-1][1] + 1)


def _written(document: str, node: yaml.ScalarNode) -> Iterator[tuple[str, int]]:
    """The characters of a scalar as it is written, each with its offset; without space, which YAML folds."""
    start, end = node.start_mark.index, node.end_mark.index
    if header := _HEADER.match(document, start, end):
        start = header.end()
    if node.style in _UNITS:
        start, end = start + 1, end - 1
    for unit in _UNITS.get(node.style, _CHARACTER).finditer(document, start, end):
        character = unit[0][-1]
        if not character.isspace() and (len(unit[0]) == 1 or character in _ESCAPED):
            yield character, unit.start()


def _position(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"


def _place(text: str, offset: int) -> str:
    lines = _BREAK.split(text[:offset])
    return f"{len(lines)}:{len(lines[-1]) + 1}"
