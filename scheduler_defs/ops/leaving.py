"""A process that is told to leave ends its attempt between chunks of work, not in the middle of a transaction."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Dagster's launchers end a run process by either, be it for a user or for a machine that goes down."""


@contextmanager
def told_to_leave() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second does what it did before.

    Outside the main thread, which alone may handle signals, nothing sets it.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def leave(_number: int, _frame: FrameType | None) -> None:
        told.set()
        restore()

    for number in SIGNALS:
        signal.signal(number, leave)
    try:
        yield told
    finally:
        restore()
