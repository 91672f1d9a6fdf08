"""Loads SQL statements by name; the statements themselves live in sql/queries."""

from functools import cache
from importlib.resources import files
from typing import LiteralString

QUERIES = files("sql") / "queries"


@cache
def load(name: str) -> LiteralString:
    """The statement in sql/queries/<name>.sql, for example ``load("runs/get")``; raises FileNotFoundError."""
    text: LiteralString = QUERIES.joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return text
