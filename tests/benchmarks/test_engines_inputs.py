"""What the benchmark holds beside the product's ingest and graphs does the same work, and a difference is counted."""

import orjson

from benchmarks import engines_inputs_peers as peers
from benchmarks.engines_fleet import Fleet
from benchmarks.engines_house import ROWS_TENANT, TENANT, House
from benchmarks.engines_inputs import measure_ingest
from benchmarks.engines_report import BY_ROW, Report
from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.sbom_formats import read_sbom

FLEET = Fleet(images=3, components=20, findings=10, seed=1)


def test_row_by_row_keeps_the_same_rows_and_others_would_be_seen(database, tmp_path, capsys):
    house, report = House(database, tmp_path), Report({})
    measure_ingest(house, FLEET, 2, report)
    assert report.is_right
    names = [FLEET.reference(number) for number in range(FLEET.images)]
    rows = [peers.held(database, tenant, names) for tenant in (TENANT, ROWS_TENANT)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == FLEET.images * FLEET.components
    said = {row.name: row.to_json()["peers"] for row in report.rows}
    assert {name: list(theirs) for name, theirs in said.items()} == {
        "ingest of SBOMs": [BY_ROW],
        "ingest of advisories": [BY_ROW],
    }
    report.print()
    assert f"  {BY_ROW}\n" in capsys.readouterr().out
    peers.ingest_by_row(database, names[0], "team-0", FLEET.document(1))
    assert peers.held(database, ROWS_TENANT, names) > rows[1]
    record = FLEET.marking(1)
    with database.begin_system() as store:
        kept = peers.stored_advisories(store, [record["id"]])
        assert peers.advisories_by_row(store, [orjson.dumps(record)]) == [record["id"]]
        now = peers.stored_advisories(store, [record["id"]])
    assert now[0][record["id"]].severity != kept[0][record["id"]].severity
    assert len(now[1]) > len(kept[1])


def test_the_library_reads_the_same_graph():
    document = orjson.loads(FLEET.large(60))
    graph = build_graph(read_sbom("large", orjson.dumps(document)))
    edges = {(graph.nodes[dependent], graph.nodes[dependency]) for dependent, dependency in graph.edges}
    assert peers.graph_by_library(orjson.dumps(document), graph.root) == (set(graph.nodes), edges)
    document["dependencies"][0]["dependsOn"].pop()
    nodes, fewer = peers.graph_by_library(orjson.dumps(document), graph.root)
    assert (nodes, len(edges - fewer)) == (set(graph.nodes), 1)
