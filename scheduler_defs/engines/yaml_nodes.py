"""Nodes of a YAML document, whose errors carry the position of what is wrong."""

import re
from typing import Any

import yaml

from resources.errors import InvalidDocument

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


class Nodes:
    """Reads the nodes of one YAML document; every error is an InvalidDocument whose path is line:column, from 1."""

    def __init__(self, source: str) -> None:
        self._source = source

    def root(self, text: str, kind: str) -> yaml.Node:
        """Return the one document's root; `kind` says what was expected of an empty text."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = _position(mark) if mark else "1:1"
            raise InvalidDocument(self._source, where, f"is not YAML: {error.problem}") from error
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            where = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
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

    def error(self, node: yaml.Node, reason: str) -> InvalidDocument:
        """Return the error at a node."""
        return InvalidDocument(self._source, _position(node.start_mark), reason)


def _position(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"
