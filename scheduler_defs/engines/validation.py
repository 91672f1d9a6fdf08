"""Checks of a whole document before it is read, with the JSON pointers of what is wrong."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from jsonschema_rs import Draft7Validator, Draft202012Validator

from resources.errors import InvalidDocument

ERRORS_SHOWN = 5
ESCAPED_NUL = b"\\u0000"

_MESSAGE_LENGTH = 160


def check_schema(
    source: str, kind: str, validator: Draft7Validator | Draft202012Validator, document: dict[str, Any]
) -> None:
    """Raise InvalidDocument with the first five violations of a schema; `kind` is the format's name."""
    errors = list(islice(validator.iter_errors(document), ERRORS_SHOWN + 1))
    if not errors:
        return
    found = [(_pointer(error.instance_path), shortened(error.message)) for error in errors[:ERRORS_SHOWN]]
    reasons = [found[0][1], *(f"{path}: {message}" for path, message in found[1:])]
    if len(errors) > ERRORS_SHOWN:
        reasons.append("and more")
    raise InvalidDocument(source, found[0][0], f"breaks {kind}: {'; '.join(reasons)}")


def refuse_nul(source: str, raw: bytes, document: dict[str, Any]) -> None:
    """Raise InvalidDocument when a text of the document holds a NUL; `raw` is the JSON it was parsed from."""
    if ESCAPED_NUL in raw and (nul := _find_nul(document)) is not None:
        raise InvalidDocument(source, nul, "holds a NUL, which no database stores")


def shortened(message: str) -> str:
    """Cut a message that quotes the document to a readable length."""
    return message if len(message) <= _MESSAGE_LENGTH else f"{message[:_MESSAGE_LENGTH]}…"


def _find_nul(document: dict[str, Any]) -> str | None:
    pending: list[tuple[list[str | int], Any]] = [([], document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str) and "\0" in value:
            return _pointer(path)
        if isinstance(value, dict | list):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            pending += [([*path, key], member) for key, member in members]
    return None


def _pointer(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
