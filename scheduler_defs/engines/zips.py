"""Zip files with any number of members.

The standard library keeps 700 bytes of each, so it is shown a part of the directory at a time.

Source of the records: APPNOTE.TXT 6.3.10 by PKWARE, sections 4.3.12 to 4.3.16.
"""

import io
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast

AT_ONCE = 5000
"""Members of a part."""
_ENTRY = struct.Struct("<4s24x3H12x")
_END = struct.Struct("<4s4xHHLLH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LONGEST_COMMENT = _MANY = (1 << 16) - 1
_ALL_ONES = (1 << 32) - 1


def iter_parts(file: BinaryIO, at_once: int = AT_ONCE) -> Iterator[zipfile.ZipFile]:
    """Yield the zip file in parts of at most `at_once` members, in the order of its directory.

    A part is read from `file` and closed before the next is asked for. Raises BadZipFile where there is no directory,
    or it is damaged.
    """
    begins, ends, first = _directory(file)
    at = begins
    while at < ends:
        file.seek(at)
        entries = _entries(file, ends - at, at_once)
        at += sum(map(len, entries))
        directory = b"".join(entries)
        view = _Part(file, begins, directory + _end_of(len(entries), len(directory), first))
        with zipfile.ZipFile(cast(BinaryIO, view)) as part:
            yield part


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Where the directory begins and ends, and where it says that it begins: less if something precedes the zip."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) < found + _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    *_, length, first, _ = _END.unpack_from(tail, found)
    ends = size - len(tail) + found
    if found >= _LOCATOR.size and tail.startswith(b"PK\6\7", found - _LOCATOR.size):
        ends -= _LOCATOR.size + _END64.size
        file.seek(max(0, ends))
        record = file.read(_END64.size)
        if not record.startswith(b"PK\6\6") or len(record) < _END64.size:
            raise zipfile.BadZipFile("the ZIP64 end of the directory is missing")
        *_, length, first = _END64.unpack(record)
    if length > ends or first > ends - length:
        raise zipfile.BadZipFile("the directory is said to begin before the file")
    return ends - length, ends, first


def _entries(file: BinaryIO, length: int, at_once: int) -> list[bytes]:
    """The directory's next entries, from where the file stands."""
    entries: list[bytes] = []
    while length and len(entries) < at_once:
        fixed = file.read(_ENTRY.size)
        if not fixed.startswith(b"PK\1\2") or len(fixed) < _ENTRY.size:
            raise zipfile.BadZipFile("an entry of the directory is damaged")
        _, *lengths = _ENTRY.unpack(fixed)
        entries.append(fixed + file.read(sum(lengths)))
        length -= len(entries[-1])
        if length < 0:
            raise zipfile.BadZipFile("the directory's last entry is longer than the directory")
    return entries


def _end_of(count: int, length: int, first: int) -> bytes:
    """What stands after a directory; as ZIP64, which holds any number.

    The locator says that the record stands where the directory ends, counted as `first` is: Pythons that know of
    CVE-2025-8291 refuse any other.
    """
    return (
        _END64.pack(b"PK\6\6", _END64.size - 12, 45, 45, 0, 0, count, count, length, first)
        + _LOCATOR.pack(b"PK\6\7", 0, first + length, 1)
        + _END.pack(b"PK\5\6", _MANY, _MANY, _ALL_ONES, _ALL_ONES, 0)
    )


class _Part:
    """The zip file with another directory: what stands before its own, then `tail`."""

    def __init__(self, file: BinaryIO, begins: int, tail: bytes) -> None:
        self._file, self._begins, self._tail = file, begins, tail
        self._at = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._begins + len(self._tail)}
        self._at = before[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._begins + len(self._tail) if size < 0 else self._at + size
        found = b""
        if self._at < self._begins:
            self._file.seek(self._at)
            found = self._file.read(min(end, self._begins) - self._at)
        place = max(0, self._at - self._begins)
        if end > self._begins:
            found += self._tail[place : end - self._begins]
        self._at += len(found)
        return found
