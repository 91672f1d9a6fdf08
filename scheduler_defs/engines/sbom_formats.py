"""Reader of SBOM files: finds out which format a document is in and has it read."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic_core import from_json

from resources.errors import InvalidDocument
from scheduler_defs.engines import cyclonedx, spdx
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.documents import UTF8_MARK, read_document
from scheduler_defs.engines.large_json import PART, LargeObject, parse_large, pieces
from scheduler_defs.engines.sbom import Sbom
from scheduler_defs.engines.validation import ESCAPED_NUL, refuse_nul, shortened

SBOM_LIMIT = 256 << 20
LARGE = 8 << 20

FORMATS = "CycloneDX JSON 1.4 to 1.6 and SPDX JSON 2.2 and 2.3"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """What validates and what reads a document; `is_unique` says that equal elements of arrays are refused."""

    validate: Callable[[str, Document], None]
    read: Callable[[str, Document], Sbom]
    is_unique: bool


CYCLONEDX = Format(cyclonedx.validate, cyclonedx.read, is_unique=True)
SPDX = Format(spdx.validate, spdx.read, is_unique=False)


def load_sbom(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int = SBOM_LIMIT
) -> tuple[Sbom, bytes]:
    """Read an SBOM from a file, plain or gzip, with the unpacked document, of at most `limit` bytes.

    Raises what read_document and read_sbom raise.
    """
    raw = read_document(path, on_bytes, limit)
    return read_sbom(str(path), raw), raw


def read_sbom(source: str, raw: bytes) -> Sbom:
    """Read an SBOM from its JSON text; `source` is only named in messages.

    Raises InvalidDocument for malformed JSON, another format or version, schema violations (the first five),
    package URLs that do not parse, one ref on two different components, and no components at all.
    """
    large = _validated_in_parts(source, raw) if len(raw) >= LARGE else None
    if large is not None:
        return _format_of(source, large).read(source, large)
    document = parse_json(source, raw, FORMATS)
    found = _format_of(source, document)
    found.validate(source, document)
    refuse_nul(source, raw, document)
    return found.read(source, document)


def _validated_in_parts(source: str, raw: bytes) -> LargeObject | None:
    """Parse and validate a document a part at a time; None for what has to be read as a whole to be judged."""
    start = len(UTF8_MARK) * raw.startswith(UTF8_MARK)
    document = None if ESCAPED_NUL in raw else parse_large(raw, start, PART)
    if document is None:
        return None
    try:
        found = _format_of(source, document)
        for piece in pieces(document, unique=found.is_unique):
            found.validate(source, piece)
    except (InvalidDocument, ValueError, TypeError):
        return None
    return document


def _format_of(source: str, document: Document) -> Format:
    if document.get("bomFormat") == "CycloneDX":
        return CYCLONEDX
    if "spdxVersion" in document:
        return SPDX
    found = shortened(repr(document.get("bomFormat")))
    reason = f"is {found}; expected 'CycloneDX', or an SPDX document's spdxVersion; supported are {FORMATS}"
    raise InvalidDocument(source, "/bomFormat", reason)


def parse_json(source: str, raw: bytes, formats: str) -> Document:
    """Parse one JSON object; raises InvalidDocument, which names the `formats` that are expected."""
    if raw.lstrip()[:1] == b"<":
        raise InvalidDocument(source, "", f"is XML; expected {formats}")
    try:
        document = _loads(raw.removeprefix(UTF8_MARK))
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidDocument(source, "", f"is not JSON: {error.msg} at {place}") from error
    if not isinstance(document, dict):
        raise InvalidDocument(source, "", f"holds no JSON object; expected {formats}")
    return document


def _loads(raw: bytes) -> Any:
    """Parse JSON; a large document without orjson's tree of it, which takes twice its size while it is read."""
    if len(raw) >= LARGE:
        with suppress(ValueError):  # orjson says what is wrong, or reads it: it takes what is nested deeper
            return from_json(raw, allow_inf_nan=False, cache_strings="all")
    return orjson.loads(raw)
