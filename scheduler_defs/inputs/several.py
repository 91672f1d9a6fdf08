"""The documents of a directory or archive, each kept on its own."""

from collections.abc import Callable
from pathlib import Path

from resources.errors import InvalidDocument
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.documents import iter_documents
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.inputs.left_out import LeftOuts, place_of, refusal

Check = Callable[[str, bytes], object]
"""Gets a document's file and its content."""
Keep = Callable[[str, int | None, bytes], object]
"""Gets a document's file, its line in it and its content."""


def ingest_each(
    path: Path,
    limit: int,
    check: Check,
    keep: Keep,
    left_out: LeftOuts,
    *,
    strict: bool,
    on_bytes: OnBytes | None = None,
    on_documents: Callable[[int], None] | None = None,
) -> tuple[int, int]:
    """Calls `keep` with each document of at most `limit` bytes; returns how many were kept, and how many left out.

    What cannot be read, or is refused as InvalidDocument, is left out; when nothing is kept, its first is raised. With
    `strict` all are read twice: `check` gets each before any is kept, and the first that cannot be used is raised.
    """
    if strict:
        for file, line, content in iter_documents(path, on_bytes, limit):
            try:
                check(file, _readable(content))
            except InvalidDocument as error:
                raise _placed(error, line) from error
    kept = refused = 0
    for file, line, content in iter_documents(path, on_bytes, limit):
        try:
            keep(file, line, _readable(content))
            kept += 1
        except InvalidDocument as error:
            if strict:
                raise _placed(error, line) from error
            # A caught error keeps the document, through the frames of its traceback; what is added does not.
            left_out.add(Malformed(error.source, line, error.path, error.reason))
            refused += 1
        if on_documents:
            on_documents(kept + refused)
    if not kept:
        raise refusal(left_out.first[0]) if refused else InvalidDocument(str(path), "", "holds no documents")
    return kept, refused


def _placed(error: InvalidDocument, line: int | None) -> InvalidDocument:
    return InvalidDocument(place_of(error.source, line), error.path, error.reason)


def _readable(content: bytes | InvalidDocument) -> bytes:
    if isinstance(content, InvalidDocument):
        raise content
    return content
