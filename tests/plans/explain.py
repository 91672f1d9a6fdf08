"""A hot query, and its plan as it ran."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from psycopg import ClientCursor

from resources.database import Database
from resources.queries import load

PAGE = 101
"""A page of a hundred, and the row that tells whether there is another."""
HOLE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Hot:
    """A query with parameters, the only indexes it may use, and how many rows and index entries it may read.

    It runs as the tenant, or as the system where that is None. `paged`: planned for its values each time.
    """

    query: str
    indexes: str
    most: int
    parameters: dict[str, Any] = field(default_factory=dict)
    tenant: str | None = "big"
    paged: bool = False
    note: str = ""
    whole: str = "tenants"
    """Tables that may be read from end to end: they are small."""
    skips: bool = False
    """Whether PostgreSQL 18 may skip about an index whose first column is not given; 15 has another to use."""

    def __str__(self) -> str:
        return "-".join([self.query, *self.note.split()])


def first_and_deep(
    query: str,
    indexes: str,
    most: int,
    filters: dict[str, Any],
    deep: dict[str, Any],
    note: str = "",
    tenant: str | None = "big",
) -> list[Hot]:
    """The first page of a list, and one far on: beyond 100,000 rows where there are so many."""
    return [
        Hot(
            query,
            indexes,
            most,
            {"limit": PAGE} | filters | after,
            tenant,
            paged=True,
            note=f"{note} {where}",
        )
        for where, after in (("first", {}), ("deep", deep))
    ]


@dataclass(frozen=True)
class Plan:
    """The nodes of a plan that ran at all."""

    nodes: list[dict[str, Any]]

    @property
    def indexes(self) -> set[str]:
        """Names of the indexes used; those of a log partition as the table's own would be called."""
        found = (node["Index Name"] for node in self.nodes if "Index Name" in node)
        return {re.sub(r"^execution_logs_\d{6}_", "execution_logs_", name) for name in found}

    @property
    def scanned(self) -> set[str]:
        """Tables that were read from end to end, and not empty."""
        scans = (node for node in self.nodes if node["Node Type"] == "Seq Scan" and looked_at(node))
        return {node["Relation Name"] for node in scans}

    @property
    def read(self) -> float:
        """Rows or index entries that were looked at; those of a bitmap in its index only."""
        scans = [
            node
            for node in self.nodes
            if {"Relation Name", "Index Name"} & node.keys() and node["Node Type"].endswith("Scan")
        ]
        return sum(looked_at(node) for node in scans if node["Node Type"] != "Bitmap Heap Scan")

    @property
    def pages(self) -> int:
        return self.nodes[0]["Shared Hit Blocks"] + self.nodes[0]["Shared Read Blocks"]

    @property
    def skipping(self) -> list[dict[str, Any]]:
        """Scans that jump about an index whose first column is not given: PostgreSQL 18 does, 15 reads all of it."""
        return [
            node
            for node in self.nodes
            if node.get("Index Searches", 0) > node["Actual Loops"]
            and "ANY (" not in node.get("Index Cond", "")
        ]


def explain(database: Database, hot: Hot, generic: bool = False) -> Plan:
    """Runs a query in the room that is its own, under the plan of a prepared statement, and takes it back."""
    parameters = {name: hot.parameters.get(name) for name in HOLE.findall(load(hot.query))}
    if "tenant_id" in parameters:
        parameters["tenant_id"] = hot.parameters.get("tenant_id", "big")
    numbers = {name: f"${number}" for number, name in enumerate(parameters, 1)}
    text = HOLE.sub(lambda hole: numbers[hole[1]], load(hot.query)).replace("%%", "%")
    types = ", ".join("timestamptz" if name == "now" else "unknown" for name in parameters)
    values = ", ".join(f"%({name})s" for name in parameters)
    run = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE hot" + (f" ({values})" if values else "")
    with ExitStack() as room:
        store = room.enter_context(database.begin(hot.tenant) if hot.tenant else database.begin_system())
        mode = "force_generic_plan" if generic else "force_custom_plan"
        store.connection.execute("SELECT set_config('plan_cache_mode', %s, true)", [mode])
        store.connection.execute("PREPARE hot" + (f" ({types})" if types else "") + f" AS {text}")
        try:
            with store.connection.transaction(force_rollback=True):
                explained = ClientCursor(store.connection).execute(run, parameters).fetchone()[0]
        finally:
            store.connection.execute("DEALLOCATE hot")
    return Plan([node for node in nodes_of(explained[0]["Plan"]) if node["Actual Loops"]])


def looked_at(node: dict[str, Any]) -> float:
    """Rows that a scan returned or refused, over all its runs."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return node["Actual Loops"] * (node["Actual Rows"] + removed)


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)
