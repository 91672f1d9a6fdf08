"""Opening of input files: plain, gzip or in an archive, counted, limited in size, read as a stream."""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from resources.errors import DamagedFile, InvalidDocument, InvalidInput
from scheduler_defs.engines.archives import ARCHIVES, GZIP_MAGIC, Member, iter_members
from scheduler_defs.engines.counted import CHUNK, OnBytes, open_counted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GIBIBYTE = 1 << 30
DOCUMENT_LIMIT = GIBIBYTE
RECORD_LIMIT = 64 << 20
LINE_LIMIT = GIBIBYTE
"""Of a line that is too long for a record: how much of it is passed over before its file is given up."""
READING = b"2"
"""Another one when documents come in another order: what was begun in the order before cannot be gone on with."""
UTF8_MARK = b"\xef\xbb\xbf"

Document = tuple[str, int | None, bytes | InvalidDocument]
"""Source, line number from 1 or None, and the content, or why it cannot be read."""

_LINES = (".jsonl", ".jsonl.gz")
_WHOLE = (".json", ".json.gz")


def open_document(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int | None = DOCUMENT_LIMIT
) -> BinaryIO:
    """Open a file for reading, decompressed if its first bytes say gzip (RFC 1952); close it after use.

    on_bytes is called with the number of bytes just read from disk; the calls add up to the file's size.
    Raises InvalidInput when the file cannot be opened. Reading raises InvalidDocument for a truncated or
    corrupt gzip stream and for more than `limit` bytes of content; without one it may hold any number.
    """
    return _unpacked(open_counted(path, on_bytes), str(path), limit)


def _unpacked(file: io.BufferedReader, source: str, limit: int | None = None) -> BinaryIO:
    content: BinaryIO = file
    if file.peek(2)[:2] == GZIP_MAGIC:
        content = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    return io.BufferedReader(_Limited(content, file, source, limit), CHUNK)


def read_document(path: str | Path, on_bytes: OnBytes | None = None, limit: int = DOCUMENT_LIMIT) -> bytes:
    """Read one whole file; raises what open_document and its stream raise."""
    with open_document(path, on_bytes, limit) as stream:
        return _content(stream)


def _content(stream: BinaryIO) -> bytes:
    # In chunks: what read() alone asks for on the way stays with the process.
    return b"".join(iter(partial(stream.read, CHUNK), b""))


def iter_documents(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int = RECORD_LIMIT
) -> Iterator[Document]:
    """Yield every JSON document of a file, directory or archive, of at most `limit` bytes each.

    *.json holds one document, *.jsonl one a line, any number of them, of which blank ones are left out; either may
    be gzip and end in .gz, and begin with a byte order mark. A directory is walked with its subdirectories in
    sorted order, archives (.zip, .tar, .tar.gz, .tgz) in it too; a source inside of one is `archive!member`. One
    document is in memory at a time. What cannot be read comes as the InvalidDocument that says why, and the rest
    goes on: too large a document, a damaged *.json, a damaged member of a .zip. A damaged *.jsonl or archive comes
    as DamagedFile where it breaks.
    Raises InvalidInput for a path that cannot be opened and for a directory without such files.
    """
    root = Path(path)
    for file in input_files(root):
        try:
            yield from _of_file(file, on_bytes, limit)
        except InvalidDocument as error:
            yield error.source, None, DamagedFile(error.source, error.path, error.reason)
        except InvalidInput as error:
            if file == root:
                raise
            yield str(file), None, DamagedFile(str(file), "", f"cannot be read; expected {error.expected}")


def _of_file(file: Path, on_bytes: OnBytes | None, limit: int) -> Iterator[Document]:
    source = str(file)
    if file.name.endswith(ARCHIVES):
        for member, open_member in iter_members(file, _LINES + _WHOLE, on_bytes):
            yield from _of_member(member, open_member, limit, checked=file.name.endswith(".zip"))
    elif file.name.endswith(_LINES):
        with open_document(file, on_bytes, None) as stream:
            yield from _lines(source, stream, limit)
    else:
        yield _whole(source, partial(open_document, file, on_bytes, limit))


def _of_member(source: str, open_member: Member, limit: int, *, checked: bool) -> Iterator[Document]:
    """Yield the documents of a member; with `checked` no line of one that is damaged further on."""
    if not source.endswith(_LINES):
        yield _whole(source, lambda: _unpacked(open_member(), source, limit))
    elif checked and (damage := _damage(source, lambda: _unpacked(open_member(), source), limit)) is not None:
        yield source, None, damage
    else:
        with _unpacked(open_member(), source) as stream:
            yield from _lines(source, stream, limit)


def _damage(source: str, open_stream: Callable[[], BinaryIO], limit: int) -> InvalidDocument | None:
    try:
        with open_stream() as stream:
            for _ in _lines(source, stream, limit):
                pass
    except InvalidDocument as error:
        return error
    return None


def _whole(source: str, open_stream: Callable[[], BinaryIO]) -> Document:
    try:
        with open_stream() as stream:
            return source, None, _content(stream).removeprefix(UTF8_MARK)
    except DamagedFile:
        raise
    except InvalidDocument as error:
        return source, None, error


def _lines(source: str, stream: BinaryIO, limit: int) -> Iterator[Document]:
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit:
            yield source, number, InvalidDocument(source, "", f"is longer than {limit} bytes")
            _pass_over(source, number, stream, line)
            continue
        if stripped := (line if number > 1 else line.removeprefix(UTF8_MARK)).strip():
            yield source, number, stripped


def _pass_over(source: str, number: int, stream: BinaryIO, line: bytes) -> None:
    passed = len(line)
    while line and not line.endswith(b"\n"):
        line = stream.readline(CHUNK)
        passed += len(line)
        if passed > LINE_LIMIT:
            raise InvalidDocument(source, "", f"line {number} does not end within {LINE_LIMIT} bytes")


def holds_several(path: str | Path) -> bool:
    """Return whether a path is a directory, an archive or a .jsonl file, to be read with iter_documents."""
    return Path(path).is_dir() or Path(path).name.endswith(ARCHIVES + _LINES)


def input_files(path: str | Path) -> list[Path]:
    """Return the files iter_documents reads, in its order; on_bytes adds up to their sizes."""
    root = Path(path)
    if not root.is_dir():
        return [root]
    ends = _LINES + _WHOLE + ARCHIVES
    files = sorted(file for file in root.rglob("*") if file.name.endswith(ends) and file.is_file())
    if not files:
        expected = (
            "a directory that holds *.json, *.jsonl, either with .gz, or archives of them (.zip, .tar.gz)"
        )
        raise InvalidInput("file", str(path), expected)
    return files


def fingerprint_of(path: str | Path) -> str:
    """Return a SHA-256 that is another one when iter_documents would read other files, or they were written since.

    Of each file its name from `path` on, its size and when its content and its inode changed, in nanoseconds; a
    file that is replaced by one of the same size and date is another. Raises InvalidInput as iter_documents does.
    """
    root, digest = Path(path), hashlib.sha256(READING)
    for file in input_files(root):
        try:
            found = file.stat()
        except OSError as error:
            raise InvalidInput("file", str(file), f"a readable file ({error.strerror})") from error
        name = os.fsencode(file.relative_to(root))
        digest.update(
            b"%d %b %d %d %d\n" % (len(name), name, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        )
    return digest.hexdigest()


class _Limited(io.RawIOBase):
    """The decompressed content; turns what can go wrong while reading into InvalidDocument."""

    def __init__(self, content: BinaryIO, file: io.BufferedIOBase, source: str, limit: int | None) -> None:
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
        if self._limit is not None and self._total > self._limit:
            raise self._invalid(f"holds more than {self._limit} bytes of content")
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._content.close()
        self._file.close()
        super().close()

    def _invalid(self, reason: str) -> InvalidDocument:
        return InvalidDocument(self._source, "", reason)
