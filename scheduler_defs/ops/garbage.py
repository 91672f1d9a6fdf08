"""When Python looks for garbage while an engine works."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (50_000, 20, 20)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Lets Python look for garbage seldom; it does so for the whole process.

    What an engine reads it keeps until it ends: looking through all of it after each 700 new objects finds nothing, and
    takes a tenth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
