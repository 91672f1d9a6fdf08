"""Members of archives, read as streams; nothing is written to disk, so no name in an archive can lead anywhere."""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from resources.errors import InvalidDocument
from scheduler_defs.engines.counted import CHUNK, OnBytes, open_counted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    OSError,
    NotImplementedError,
    RuntimeError,
)


def iter_members(
    path: Path, endings: tuple[str, ...], on_bytes: OnBytes | None = None
) -> Iterator[tuple[str, io.BufferedReader]]:
    """Yield (`archive!member`, content) of each member of a zip or tar whose name ends so, until the next one.

    A tar's members come as they stand in it, read once from front to end; a zip's sorted by name. on_bytes gets
    the bytes that were read, which add up to the file's size. Raises InvalidInput when the file cannot be opened,
    InvalidDocument for an archive that is damaged, encrypted or packed in a way that is not supported, and for
    one without such members.
    """
    members = _of_zip if path.name.endswith(".zip") else _of_tar
    found = False
    with _named(str(path)):
        for name, content in members(path, endings, on_bytes or (lambda _: None)):
            found = True
            source = f"{path}!{name}"
            yield source, io.BufferedReader(_Member(content, source), CHUNK)
    if not found:
        raise InvalidDocument(str(path), "", f"holds no member that ends in {', '.join(endings)}")


def _of_zip(path: Path, endings: tuple[str, ...], on_bytes: OnBytes) -> Iterator[tuple[str, BinaryIO]]:
    with open_counted(path):
        rest = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: one for one in archive.infolist() if one.filename.endswith(endings)}
        for name in sorted(members):
            with archive.open(members[name]) as content:
                yield name, cast(BinaryIO, content)
            on_bytes(members[name].compress_size)
            rest -= members[name].compress_size
    on_bytes(rest)


def _of_tar(path: Path, endings: tuple[str, ...], on_bytes: OnBytes) -> Iterator[tuple[str, BinaryIO]]:
    # tarfile unpacks gzip itself, but holds no checksum to it and unpacks chunks of any size.
    with (
        open_counted(path, on_bytes) as file,
        _plain(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as archive,
    ):
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined] # tarfile keeps each, a kilobyte
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None and member.name.endswith(endings):
                yield member.name, cast(BinaryIO, content)
        if archive.fileobj is None or archive.fileobj.tell() <= archive.offset:
            raise tarfile.ReadError("it ends between two members, before its end mark")
        while plain.read(CHUNK):
            pass


def _plain(file: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if file.peek(2)[:2] == GZIP_MAGIC else file


@contextmanager
def _named(source: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise InvalidDocument(source, "", f"cannot be unpacked: {error}") from error


class _Member(io.RawIOBase):
    """The content of a member; what is wrong with its packing becomes InvalidDocument."""

    def __init__(self, content: BinaryIO, source: str) -> None:
        self._content, self._source = content, source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        with _named(self._source):
            chunk = self._content.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)
