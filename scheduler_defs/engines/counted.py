"""Files whose reading is counted, for a display of progress."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import InvalidInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 18

OnBytes = Callable[[int], None]


def open_counted(path: str | Path, on_bytes: OnBytes | None = None) -> io.BufferedReader:
    """Open a file for reading as it is; on_bytes is called with the number of bytes just read from disk.

    Raises InvalidInput when the file cannot be opened.
    """
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed by the stream that is returned)
        counted: io.BufferedReader = io.BufferedReader(_Counted(file, on_bytes), CHUNK)
        counted.peek(1)
    except OSError as error:
        raise InvalidInput("file", str(path), f"a readable file ({error.strerror})") from error
    return counted


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
