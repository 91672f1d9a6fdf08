"""The documents of a directory or archive, each kept on its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from resources.errors import InvalidDocument
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.documents import iter_documents

Result = TypeVar("Result")


@dataclass(frozen=True)
class Several(Generic[Result]):
    """What was done with each document that was kept, and why each of the others was left out."""

    results: Sequence[Result]
    left_out: Sequence[InvalidDocument]


def ingest_each(
    path: Path,
    limit: int,
    check: Callable[[str, bytes], object],
    keep: Callable[[str, bytes], Result],
    *,
    strict: bool,
    on_bytes: OnBytes | None = None,
    on_documents: Callable[[int], None] | None = None,
) -> Several[Result]:
    """Calls `keep` with the source and the content of each document of at most `limit` bytes.

    What cannot be read, or is refused as InvalidDocument, is left out; when nothing is kept, its first is raised. With
    `strict` all are read twice: `check` gets each before any is kept, and the first that cannot be used is raised.
    """
    if strict:
        for source, line, content in iter_documents(path, on_bytes, limit):
            check(_place(source, line), _readable(content, line))
    results: list[Result] = []
    left_out: list[InvalidDocument] = []
    for source, line, content in iter_documents(path, on_bytes, limit):
        try:
            results.append(keep(_place(source, line), _readable(content, line)))
        except InvalidDocument as error:
            if strict:
                raise
            # Another one: a caught error keeps the document, through the frames of its traceback.
            left_out.append(InvalidDocument(error.source, error.path, error.reason))
        if on_documents:
            on_documents(len(results) + len(left_out))
    if not results:
        raise left_out[0] if left_out else InvalidDocument(str(path), "", "holds no documents")
    return Several(results, left_out)


def _place(source: str, line: int | None) -> str:
    return source if line is None else f"{source}:{line}"


def _readable(content: bytes | InvalidDocument, line: int | None) -> bytes:
    if isinstance(content, InvalidDocument):
        raise InvalidDocument(_place(content.source, line), content.path, content.reason)
    return content
