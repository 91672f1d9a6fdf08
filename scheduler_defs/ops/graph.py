"""Graph runs: the dependency graph of each selected image's SBOM."""

import zlib
from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import InterfaceError, OperationalError

from resources.errors import CancelRequested, LeaveRequested, RunTimedOut, ServerUnavailable, StaleAttempt
from resources.image_names import names_by_id
from resources.inventory_records import GraphRow
from resources.records import Completion, WorkItem
from resources.states import WorkState
from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.graph import Graph, build_graph, to_document
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.ops.attempt import Attempt, Result, storable

SHOWN = 50
NOT_OF_AN_IMAGE = (
    *(CancelRequested, LeaveRequested, RunTimedOut, StaleAttempt),
    *(InterfaceError, OperationalError, ServerUnavailable),
)
"""What ends the attempt: somebody stopped it, or the database is away. Another one does what is left."""
Row = Mapping[str, str | int | float | None]


def build_graphs(attempt: Attempt) -> Result:
    """Builds and keeps a graph per image, each a work item of its own; one that fails leaves the others be.

    An attempt that resumes a run does what the one before it left.
    """
    run, table = attempt.run, []
    with attempt.begin() as store:
        images = store.images.select(run.tenant_id, attempt.selection)
        if run.attempt > 1:
            store.graph_jobs.requeue_of_run(run)
        store.graph_jobs.create_many(run, images, store.now())
        counts = store.graph_jobs.count_by_status(run)
    names = names_by_id(images)
    total, number = sum(counts.values()), sum(counts.values()) - counts[WorkState.PENDING]
    if not total:
        attempt.say_empty()
    while number < total and (item := _claim(attempt)):
        number, name = number + 1, _name(names, item)
        try:
            table.append(_row(name, _build(attempt, item)))
        except NOT_OF_AN_IMAGE:
            raise
        except Exception as error:  # an image's failure is its own: the others are still built
            _fail(attempt, item, str(error))
        attempt.log(f"image {number} of {total}: {name}")
    return _result(attempt, names, table)


def _claim(attempt: Attempt) -> WorkItem | None:
    """Takes the next item in a transaction of its own, so that whatever goes wrong later can be written to it."""
    with attempt.begin() as store:
        claimed = store.graph_jobs.claim(attempt.run, attempt.worker_id, store.now(), limit=1)
    return claimed[0] if claimed else None


def _build(attempt: Attempt, item: WorkItem) -> Graph:
    tenant_id = item.tenant_id
    with attempt.begin() as store:
        content, _ = store.images.get_sbom(tenant_id, item.sbom_id)
    graph = build_graph(read_sbom(f"SBOM {item.sbom_id}", zlib.decompress(content)))
    row = GraphRow(
        digest=graph.digest,
        root=graph.root,
        node_count=len(graph.nodes),
        edge_count=len(graph.edges),
        max_depth=graph.max_depth,
        content=zlib.compress(canonical_json(to_document(graph))),
    )
    stats = {"nodes": row.node_count, "edges": row.edge_count, "max_depth": row.max_depth}
    with attempt.begin() as store:
        now = store.now()
        store.images.add_graph(tenant_id, row, now)
        store.graph_jobs.complete_many([Completion(item, graph.digest, stats)], attempt.worker_id, now)
    return graph


def _fail(attempt: Attempt, item: WorkItem, error: str) -> None:
    with attempt.begin() as store:
        store.graph_jobs.fail(item, attempt.worker_id, storable(error) or "unknown error", store.now())


def _result(attempt: Attempt, names: Mapping[UUID, str], table: Sequence[Row]) -> Result:
    """What all items of the run say, those of earlier attempts too; the table shows this attempt's."""
    with attempt.begin() as store:
        items = store.graph_jobs.list_of_run(attempt.run)
    errors = [f"{_name(names, item)}: {item.error}" for item in items if item.status is WorkState.FAILED]
    totals = {key: sum(item.stats.get(key, 0) for item in items) for key in ("nodes", "edges")}
    failure = f"{len(errors)} of {len(items)} images failed: {'; '.join(errors[:3])}" if errors else None
    return Result(
        {"images": len(items), "failed": len(errors), **totals}, table=table[:SHOWN], failure=failure
    )


def _name(names: Mapping[UUID, str], item: WorkItem) -> str:
    """The image's name; its id when the selection that an earlier attempt listed named it, and no longer does."""
    return names.get(item.image_id, str(item.image_id))


def _row(name: str, graph: Graph) -> Row:
    return {
        "image": name,
        "nodes": len(graph.nodes),
        "edges": len(graph.edges),
        "direct": graph.direct,
        "transitive": graph.transitive,
        "max_depth": graph.max_depth,
        "digest": graph.digest[:12],
    }
