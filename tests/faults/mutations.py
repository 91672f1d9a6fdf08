"""Guards taken away one at a time: the suite must fail without any of them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from resources.queries import QUERIES


def queries_with(directory: Path, texts: Mapping[str, str]) -> Path:
    """A copy of every query, some with another text; processes of a scenario read theirs from it."""
    shutil.copytree(str(QUERIES), directory)
    for name, text in texts.items():
        (directory / f"{name}.sql").write_text(text)
    return directory
