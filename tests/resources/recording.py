"""Which public repository methods tests call; see test_every_method_is_called.py."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resources import store  # noqa: F401  imports every repository
from resources.repositories.base import Repository

TESTS = str(Path(__file__).resolve().parents[1])
Method = tuple[str, str]


def public_methods() -> Iterator[tuple[type[Any], str, Callable[..., Any]]]:
    """Every public method of every repository: class, name, function."""
    for kind in _kinds(Repository):
        for name, value in list(vars(kind).items()):
            if callable(value) and not name.startswith("_"):
                yield kind, name, value


@contextmanager
def record(called: set[Method]) -> Iterator[None]:
    """Notes each public repository method that a file of tests calls; the methods do what they did."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, name, method in public_methods():
            patch.setattr(kind, name, _recorded(method, (kind.__name__, name), called))
        yield


def _recorded(method: Callable[..., Any], key: Method, called: set[Method]) -> Callable[..., Any]:
    @functools.wraps(method)
    def noted(*arguments: Any, **options: Any) -> Any:
        if sys._getframe(1).f_code.co_filename.startswith(TESTS):
            called.add(key)
        return method(*arguments, **options)

    return noted


def _kinds(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)
