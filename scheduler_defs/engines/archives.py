"""Members of archives, read as streams; nothing is written to disk, so no name in an archive can lead anywhere."""

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from resources.errors import DamagedFile, InvalidDocument
from scheduler_defs.engines.counted import CHUNK, OnBytes, open_counted
from scheduler_defs.engines.zips import iter_parts

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

Member = Callable[[], io.BufferedReader]
Packed = Callable[[], BinaryIO]

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    OSError,
    UnicodeDecodeError,
)


def iter_members(
    path: Path, endings: tuple[str, ...], on_bytes: OnBytes | None = None
) -> Iterator[tuple[str, Member]]:
    """Yield (`archive!member`, what opens it) of each member of a zip or tar whose name ends so.

    A tar's members come as they stand in it, each to be opened once, before the next; a zip's as its directory
    lists them, and each may be opened again until the next is asked for. on_bytes gets the bytes that were read,
    which add up to the file's size. Opening or reading a zip's member raises InvalidDocument when it is damaged,
    encrypted or packed in a way that is not supported, and the next may be read; a tar's raises DamagedFile. Raises
    InvalidInput when the file cannot be opened, DamagedFile for an archive that is damaged, InvalidDocument for one
    without such members.
    """
    is_zip = path.name.endswith(".zip")
    members, kind = (_of_zip, InvalidDocument) if is_zip else (_of_tar, DamagedFile)
    found = False
    with _named(str(path), DamagedFile):
        for name, open_member in members(path, endings, on_bytes or (lambda _: None)):
            found = True
            yield f"{path}!{name}", partial(_open, open_member, f"{path}!{name}", kind)
    if not found:
        raise InvalidDocument(str(path), "", f"holds no member that ends in {', '.join(endings)}")


def _open(open_member: Packed, source: str, kind: type[InvalidDocument]) -> io.BufferedReader:
    with _named(source, kind):
        return io.BufferedReader(_Member(open_member(), source, kind), CHUNK)


def _of_zip(path: Path, endings: tuple[str, ...], on_bytes: OnBytes) -> Iterator[tuple[str, Packed]]:
    with open_counted(path):
        rest = path.stat().st_size
    with path.open("rb") as file:
        for part in iter_parts(file):
            for member in part.infolist():
                name = member.filename
                if name.endswith(endings) and part.getinfo(name) is member:
                    yield name, partial(cast(Callable[..., BinaryIO], part.open), name)
                    on_bytes(member.compress_size)
                    rest -= member.compress_size
    on_bytes(rest)


def _of_tar(path: Path, endings: tuple[str, ...], on_bytes: OnBytes) -> Iterator[tuple[str, Packed]]:
    # tarfile unpacks gzip itself, but holds no checksum to it and unpacks chunks of any size.
    with (
        open_counted(path, on_bytes) as file,
        _plain(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as archive,
    ):
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined] # tarfile keeps each, a kilobyte
            if member.isreg() and member.name.endswith(endings):
                yield member.name, partial(cast(Callable[..., BinaryIO], archive.extractfile), member)
        if archive.fileobj is None or archive.fileobj.tell() <= archive.offset:
            raise tarfile.ReadError("it ends between two members, before its end mark")
        while plain.read(CHUNK):
            pass


def _plain(file: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if file.peek(2)[:2] == GZIP_MAGIC else file


@contextmanager
def _named(source: str, kind: type[InvalidDocument]) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise kind(source, "", f"is damaged, cannot be unpacked: {error}") from error
    except RuntimeError as error:  # what zipfile raises for encryption and methods of packing that it lacks
        raise kind(source, "", f"cannot be unpacked: {error}") from error


class _Member(io.RawIOBase):
    """The content of a member; what is wrong with its packing becomes an error of the given kind."""

    def __init__(self, content: BinaryIO, source: str, kind: type[InvalidDocument]) -> None:
        self._content, self._source, self._kind = content, source, kind

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        with _named(self._source, self._kind):
            chunk = self._content.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._content.close()
        super().close()
