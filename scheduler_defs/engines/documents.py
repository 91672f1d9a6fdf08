"""Opening of input files: plain or gzip, counted, limited in size, read as a stream."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from resources.errors import InvalidDocument, InvalidInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GIBIBYTE = 1 << 30
DOCUMENT_LIMIT = GIBIBYTE
LINE_LIMIT = 64 << 20

OnBytes = Callable[[int], None]

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 18
_LINES = (".jsonl", ".jsonl.gz")
_WHOLE = (".json", ".json.gz")


def open_document(path: str | Path, on_bytes: OnBytes | None = None, limit: int = DOCUMENT_LIMIT) -> BinaryIO:
    """Open a file for reading, decompressed if its first bytes say gzip (RFC 1952); close it after use.

    on_bytes is called with the number of bytes just read from disk; the calls add up to the file's size.
    Raises InvalidInput when the file cannot be opened. Reading raises InvalidDocument for a truncated or
    corrupt gzip stream and for more than `limit` bytes of content.
    """
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed by the stream that is returned)
        counted = io.BufferedReader(_Counted(file, on_bytes), _CHUNK)
        magic = counted.peek(2)[:2]
    except OSError as error:
        raise InvalidInput("file", str(path), f"a readable file ({error.strerror})") from error
    content: BinaryIO = counted
    if magic == _GZIP_MAGIC:
        content = cast(BinaryIO, gzip.GzipFile(fileobj=counted, mode="rb"))
    return io.BufferedReader(_Limited(content, counted, str(path), limit), _CHUNK)


def read_document(path: str | Path, on_bytes: OnBytes | None = None, limit: int = DOCUMENT_LIMIT) -> bytes:
    """Read one whole file; raises what open_document and its stream raise."""
    with open_document(path, on_bytes, limit) as stream:
        return stream.read()


def iter_json_lines(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int = DOCUMENT_LIMIT
) -> Iterator[tuple[str, int, bytes]]:
    """Yield (source, line number from 1, line) for each line that is not blank, one line in memory at a time.

    Raises what open_document raises, and InvalidDocument for a line of more than 64 MiB.
    """
    source = str(path)
    with open_document(path, on_bytes, limit) as stream:
        number = 0
        while line := stream.readline(LINE_LIMIT + 1):
            number += 1
            if len(line) > LINE_LIMIT:
                raise InvalidDocument(source, f"line {number}", f"is longer than {LINE_LIMIT} bytes")
            if stripped := line.strip():
                yield source, number, stripped


def iter_documents(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int = DOCUMENT_LIMIT
) -> Iterator[tuple[str, int | None, bytes]]:
    """Yield (source, line number or None, content) for every JSON document of a file or of a directory.

    A directory is walked with its subdirectories in sorted order: *.json and *.json.gz hold one document
    each, *.jsonl and *.jsonl.gz one a line. A file given by name is read as lines when its name says so.
    Raises what iter_json_lines raises, and InvalidInput for a directory without such files.
    """
    for file in input_files(path):
        if file.name.endswith(_LINES):
            yield from iter_json_lines(file, on_bytes, limit)
        else:
            yield str(file), None, read_document(file, on_bytes, limit)


def input_files(path: str | Path) -> list[Path]:
    """Return the files iter_documents reads, in its order; on_bytes adds up to their sizes."""
    root = Path(path)
    if not root.is_dir():
        return [root]
    files = sorted(file for file in root.rglob("*") if file.name.endswith(_LINES + _WHOLE) and file.is_file())
    if not files:
        raise InvalidInput("file", str(path), "a directory that holds *.json, *.jsonl, or either with .gz")
    return files


class _Counted(io.RawIOBase):
    """A raw file that reports each read."""

    def __init__(self, file: io.FileIO, on_bytes: OnBytes | None) -> None:
        self._file, self._on_bytes = file, on_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        count = self._file.readinto(buffer)
        if count and self._on_bytes:
            self._on_bytes(count)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Limited(io.RawIOBase):
    """The decompressed content; turns what can go wrong while reading into InvalidDocument."""

    def __init__(self, content: BinaryIO, file: io.BufferedIOBase, source: str, limit: int) -> None:
        self._content, self._file, self._source, self._limit = content, file, source, limit
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        try:
            chunk = self._content.read(len(view))
        except EOFError as error:
            raise self._invalid(f"gzip stream is truncated after {self._total} bytes of content") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._invalid(f"gzip stream is corrupt after {self._total} bytes: {error}") from error
        except OSError as error:
            raise InvalidInput("file", self._source, f"a readable file ({error.strerror})") from error
        self._total += len(chunk)
        if self._total > self._limit:
            raise self._invalid(f"holds more than {self._limit} bytes of content")
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._content.close()
        self._file.close()
        super().close()

    def _invalid(self, reason: str) -> InvalidDocument:
        return InvalidDocument(self._source, "", reason)
