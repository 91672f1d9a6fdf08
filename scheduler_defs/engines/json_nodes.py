"""Nodes of a parsed JSON document, whose errors carry the JSON pointer (RFC 6901) of what is wrong."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.purls import Purl, parse_purl
from scheduler_defs.engines.validation import shortened

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and where it stands; every error is an InvalidDocument at that place."""

    source: str
    value: Any
    pointer: str = ""

    def get(self, key: str) -> "Node | None":
        """Return an object's member, None where it is absent or null."""
        if not isinstance(self.value, dict):
            raise self.error(f"is {self._shown}; expected an object")
        value = self.value.get(key)
        return None if value is None else Node(self.source, value, f"{self.pointer}/{key}")

    def need(self, key: str, reason: str = "is missing") -> "Node":
        """Return an object's member; `reason` is said of an absent one."""
        member = self.get(key)
        if member is None:
            raise InvalidDocument(self.source, f"{self.pointer}/{key}", reason)
        return member

    def items(self, key: str) -> list["Node"]:
        """Return the items of an object's list, none where it is absent."""
        member = self.get(key)
        return [] if member is None else member.elements()

    def elements(self) -> list["Node"]:
        """Return a list's items."""
        if not isinstance(self.value, list):
            raise self.error(f"is {self._shown}; expected a list")
        return [Node(self.source, item, f"{self.pointer}/{index}") for index, item in enumerate(self.value)]

    def text(self) -> str:
        """Return a text that is not blank, without the blanks around it."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error(f"is {self._shown}; expected a text that is not blank")
        if _NOT_STORABLE.search(self.value):
            raise self.error("holds a NUL or half a surrogate pair, which no database stores")
        return self.value.strip()

    def optional_text(self, key: str) -> str | None:
        """Return an object's text, None where it is absent or blank."""
        member = self.get(key)
        blank = member is None or (isinstance(member.value, str) and not member.value.strip())
        return None if member is None or blank else member.text()

    def one_of(self, options: Collection[str]) -> str:
        """Return a text that is one of the options."""
        if not isinstance(self.value, str) or self.value not in options:
            raise self.error(f"is {self._shown}; expected one of {', '.join(options)}")
        return self.value

    def time(self) -> datetime:
        """Return a time of RFC 3339 in UTC."""
        try:
            time = datetime.fromisoformat(self.text().upper())
            if time.tzinfo is not None:
                return time.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self.error(f"is {self._shown}; expected a time of RFC 3339 like 2024-01-31T12:00:00Z")

    def day(self) -> date:
        """Return a day such as 2024-01-31."""
        text = self.text()
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise self.error(f"is {self._shown}; expected a day like 2024-01-31")

    def purl(self) -> Purl:
        """Return a package URL, parsed."""
        expected = "expected a package URL like pkg:npm/name@1.2.3, or pkg:oci/name@sha256:… for an image"
        try:
            return parse_purl(self.text())
        except InvalidInput as error:
            raise self.error(f"is {self._shown}; {expected}") from error

    def error(self, reason: str) -> InvalidDocument:
        """Return the error at this place."""
        return InvalidDocument(self.source, self.pointer, reason)

    @property
    def _shown(self) -> str:
        if isinstance(self.value, dict | list):
            return "an object" if isinstance(self.value, dict) else "a list"
        return shortened(repr(self.value))
