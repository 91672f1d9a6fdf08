"""What is measured of SBOMs: their way into the inventory, and the graph of a large one."""

from time import perf_counter

from benchmarks.engines_fleet import Fleet
from benchmarks.engines_house import ACTOR, GRAPH_TENANT, TENANT, House, forget_results
from benchmarks.engines_report import Report, say
from resources.states import JobKind
from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.ops.graph import build_graphs

OF_GRAPH = 5000
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
        forget_results()
        for number in range(part * fleet.images // parts, (part + 1) * fleet.images // parts):
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
    report.facts["advisories"] = house.ingest_advisories(fleet.advisories())
    house.tidy()


def measure_graph(house: House, fleet: Fleet, repeat: int, report: Report) -> None:
    """The graph of one large SBOM: read, validated and built; and the whole run of such an image."""
    raw = fleet.large(OF_GRAPH)
    path = house.directory / "large.cdx.json"
    path.write_bytes(raw)
    ingest_sbom(house.database, GRAPH_TENANT, path, Placement(image="registry.example/large:1"), ACTOR)
    engine = report.row(f"graph of {OF_GRAPH:,} components, with validation", "ms", target=300)
    whole = report.row(f"graph run of an image of {OF_GRAPH:,} components", "ms")
    read_sbom("large", raw)
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
