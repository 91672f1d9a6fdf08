"""Graph runs: the dependency graph of each selected image's SBOM."""

import zlib

from resources.errors import CancelRequested, StaleAttempt
from resources.inventory_records import GraphRow
from resources.records import Image, WorkItem
from resources.states import WorkState
from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.graph import Graph, build_graph, to_document
from scheduler_defs.engines.sbom import read_sbom
from scheduler_defs.ops.attempt import Attempt, Result, storable

SHOWN = 50


def build_graphs(attempt: Attempt) -> Result:
    """Builds and keeps a graph per image, each a work item of its own; one that fails leaves the others be."""
    run = attempt.run
    with attempt.begin() as store:
        images = {image.id: image for image in store.images.select(run.tenant_id, attempt.selection)}
        store.graph_jobs.create_many(run, list(images.values()), store.now())
        items = store.graph_jobs.list_of_run(run)
    if not items:
        attempt.log("the selection names no image with an SBOM", "warning")
    table, errors = [], []
    for number, item in enumerate(items, 1):
        if item.status is not WorkState.PENDING:
            continue
        name = images[item.image_id].name
        _start(attempt, item)
        try:
            table.append(_row(images[item.image_id], _build(attempt, item)))
        except (CancelRequested, StaleAttempt):
            raise
        except Exception as error:  # an image's failure is its own: the others are still built
            errors.append(f"{name}: {error}")
            _fail(attempt, item, str(error))
        attempt.log(f"image {number} of {len(items)}: {name}")
    totals = {key: sum(int(row[key] or 0) for row in table) for key in ("nodes", "edges")}
    failure = f"{len(errors)} of {len(items)} images failed: {'; '.join(errors[:3])}" if errors else None
    return Result(
        {"images": len(items), "failed": len(errors), **totals}, table=table[:SHOWN], failure=failure
    )


def _start(attempt: Attempt, item: WorkItem) -> None:
    """Takes the item in a transaction of its own, so that whatever goes wrong later can be written to it."""
    with attempt.begin() as store:
        if not store.graph_jobs.start(item, attempt.worker_id, store.now()):
            raise StaleAttempt("graph job", item.id, attempt.run.fencing_token or 0)


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
        store.graph_jobs.finish(item, attempt.worker_id, now, digest=graph.digest, stats=stats)
    return graph


def _fail(attempt: Attempt, item: WorkItem, error: str) -> None:
    with attempt.begin() as store:
        store.graph_jobs.finish(
            item, attempt.worker_id, store.now(), error=storable(error) or "unknown error"
        )


def _row(image: Image, graph: Graph) -> dict[str, str | int | float | None]:
    return {
        "image": image.name,
        "nodes": len(graph.nodes),
        "edges": len(graph.edges),
        "direct": graph.direct,
        "transitive": graph.transitive,
        "max_depth": graph.max_depth,
        "digest": graph.digest[:12],
    }
