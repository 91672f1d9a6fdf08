"""What is measured of what comes in: SBOMs and advisories into the inventory, and the graph of a large SBOM."""

from collections.abc import Sequence
from time import perf_counter

from benchmarks import engines_inputs_peers as peers
from benchmarks.engines_fleet import Fleet
from benchmarks.engines_house import ACTOR, GRAPH_TENANT, ROWS_TENANT, TENANT, House, forget_results, spread
from benchmarks.engines_report import BY_ROW, LIBRARY, Report, Row, say
from resources.states import JobKind
from scheduler_defs.engines.graph import Graph, build_graph
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.ops.graph import build_graphs

OF_GRAPH = 5000
BY_ROW_SBOMS, BY_ROW_ADVISORIES = 4, 200
"""How many the peers' way takes: SBOMs of each part of the fleet, and advisories."""
TIDY_AT = 100
"""Images after which tables are analyzed, as autovacuum would within a minute: until then the foreign keys of a session
that began with empty tables are checked by plans that read all of them."""


def measure_ingest(house: House, fleet: Fleet, repeat: int, report: Report) -> None:
    """Ingests the fleet, SBOM by SBOM, a repetition for each part of it; then the advisories."""
    rate = report.row("ingest of SBOMs", "component rows/s", more_is_better=True)
    path = house.directory / "sbom.cdx.json"
    parts = min(repeat, fleet.images)
    for part in range(parts):
        seconds, rows = 0.0, 0
        numbers = range(part * fleet.images // parts, (part + 1) * fleet.images // parts)
        forget_results()
        for number in numbers:
            path.write_bytes(fleet.document(number))
            placement = Placement(fleet.namespace(number), fleet.reference(number), fleet.labels(number))
            began = perf_counter()
            rows += ingest_sbom(house.database, TENANT, path, placement, ACTOR).components
            seconds += perf_counter() - began
            if number + 1 == TIDY_AT:
                house.tidy()
            if (number + 1) % max(1, fleet.images // 20) == 0:
                say(f"ingested {number + 1} of {fleet.images} images")
        rate.ours.append(rows / seconds)
        _sboms_by_row(house, fleet, spread(numbers, BY_ROW_SBOMS), rate, report)
    _measure_advisories(house, fleet, report)
    house.tidy()


def _sboms_by_row(house: House, fleet: Fleet, numbers: Sequence[int], rate: Row, report: Report) -> None:
    """Ingests some SBOMs of a part once more, for a tenant of their own."""
    seconds, rows = 0.0, 0
    forget_results()
    for number in numbers:
        raw = fleet.document(number)
        began = perf_counter()
        rows += peers.ingest_by_row(house.database, fleet.reference(number), fleet.namespace(number), raw)
        seconds += perf_counter() - began
    rate.peer(BY_ROW, rows / seconds)
    names = [fleet.reference(number) for number in numbers]
    ours, theirs = (peers.held(house.database, tenant, names) for tenant in (TENANT, ROWS_TENANT))
    report.check(f"ingest: component rows of ours and {BY_ROW}", len(ours ^ theirs))


def _measure_advisories(house: House, fleet: Fleet, report: Report) -> None:
    """Ingests the advisories; before that some of them row by row, in a transaction that is taken back."""
    rate = report.row("ingest of advisories", "records/s", more_is_better=True)
    path = house.feed(fleet.advisories())
    some = spread(path.read_bytes().splitlines(), BY_ROW_ADVISORIES)
    forget_results()
    with house.database.begin_system() as store, store.connection.transaction(force_rollback=True):
        began = perf_counter()
        ids = peers.advisories_by_row(store, some)
        rate.peer(BY_ROW, len(some) / (perf_counter() - began))
        theirs = peers.stored_advisories(store, ids)
    forget_results()
    began = perf_counter()
    count = ingest_advisories(house.database, path, ACTOR, strict=True).total
    rate.ours.append(count / (perf_counter() - began))
    report.facts["advisories"] = count
    with house.database.begin_system() as store:
        ours = peers.stored_advisories(store, ids)
    differing = sum(ours[0].get(one) != theirs[0].get(one) for one in ids) + len(ours[1] ^ theirs[1])
    report.check(f"ingest: advisories and ranges of ours and {BY_ROW}", differing)


def measure_graph(house: House, fleet: Fleet, repeat: int, report: Report) -> None:
    """The graph of one large SBOM: read, validated and built; and the whole run of such an image."""
    raw = fleet.large(OF_GRAPH)
    path = house.directory / "large.cdx.json"
    path.write_bytes(raw)
    ingest_sbom(house.database, GRAPH_TENANT, path, Placement(image="registry.example/large:1"), ACTOR)
    engine = report.row(f"graph of {OF_GRAPH:,} components, with validation", "ms", target=300)
    whole = report.row(f"graph run of an image of {OF_GRAPH:,} components", "ms")
    graph = build_graph(read_sbom("large", raw))
    for _ in range(repeat):
        forget_results()
        began = perf_counter()
        graph = build_graph(read_sbom("large", raw))
        engine.ours.append(1000 * (perf_counter() - began))
        run = house.run(JobKind.GRAPH, build_graphs, tenant=GRAPH_TENANT)
        whole.ours.append(1000 * run.seconds)
        report.check("nodes of the large graph", abs(len(graph.nodes) - OF_GRAPH - 1))
        report.check(
            "edges of the run's graph and the engine's", abs(run.value.stats["edges"] - len(graph.edges))
        )
    _by_library(raw, graph, engine, report)


def _by_library(raw: bytes, graph: Graph, row: Row, report: Report) -> None:
    """The same graph by the library, once: it takes seconds."""
    forget_results()
    began = perf_counter()
    nodes, edges = peers.graph_by_library(raw, graph.root)
    row.peer(LIBRARY, 1000 * (perf_counter() - began))
    ours = {(graph.nodes[dependent], graph.nodes[dependency]) for dependent, dependency in graph.edges}
    differing = len(nodes ^ set(graph.nodes)) + len(edges ^ ours)
    report.check(f"graph: nodes and edges of ours and {LIBRARY}", differing)
