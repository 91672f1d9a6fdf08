import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidDocument
from scheduler_defs.engines.graph import build_graph, from_document, to_document
from scheduler_defs.engines.sbom import STAND_IN_ROOT
from scheduler_defs.engines.sbom_formats import read_sbom

ROOT = "pkg:generic/app@1"


def sbom_of(edges, size, root=True):
    """An SBOM of nodes 0..size-1, where 0 is the subject when there is one."""
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}
    for node in range(size):
        if root and node == 0:
            component = {"type": "application", "name": "app", "version": "1", "bom-ref": "r0"}
            document["metadata"] = {"component": component}
        else:
            name = f"n{node:05}"
            document["components"].append(
                {"type": "library", "name": name, "bom-ref": f"r{node}", "purl": f"pkg:npm/{name}@1"}
            )
    stated = {}
    for source, target in edges:
        stated.setdefault(f"r{source}", set()).add(f"r{target}")
    document["dependencies"] = [{"ref": ref, "dependsOn": sorted(to)} for ref, to in stated.items()]
    return read_sbom("test", orjson.dumps(document))


def purl(node):
    return ROOT if node == 0 else f"pkg:npm/n{node:05}@1"


def oracle_reach(edges, size):
    """walks[k] holds the nodes some walk of exactly k edges leads to, from each node."""
    follow = {node: {target for source, target in edges if source == node} for node in range(size)}
    reach = {}
    for start in range(size):
        current, distance = {start}, {start: 0}
        for steps in range(1, size + 1):
            current = set().union(*(follow[node] for node in current)) if current else set()
            for node in current:
                distance.setdefault(node, steps)
        reach[start] = distance
    return reach


graphs = st.integers(2, 9).flatmap(
    lambda size: st.tuples(
        st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), min_size=1, max_size=20),
        st.just(size),
    )
)


@given(graphs)
def test_depths_counts_and_cycles_agree_with_an_oracle(drawn):
    edges, size = drawn
    if all(source == target for source, target in edges):
        edges = {*edges, (0, 1)}
    graph = build_graph(sbom_of(edges, size))
    own = {(source, target) for source, target in edges if source != target}
    if not any(source == 0 for source, _ in own):
        needed = {target for _, target in own}
        edges = own | {(0, node) for node in range(1, size) if node not in needed}
    reach = oracle_reach(edges, size)
    depth = dict(zip(graph.nodes, graph.depth, strict=True))
    assert depth == {purl(node): reach[0].get(node) for node in range(size)}
    assert graph.direct == sum(steps == 1 for steps in reach[0].values())
    assert graph.transitive == sum(steps > 1 for steps in reach[0].values())
    assert graph.unreachable == size - len(reach[0])
    assert graph.max_depth == max(reach[0].values())
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in range(size)}
    assert graph.cycles == sum(len(group) > 1 for group in groups)


def test_a_small_graph_in_full():
    graph = build_graph(sbom_of([(0, 1), (1, 2), (2, 3), (3, 1), (0, 4), (4, 4)], 6))
    assert graph.root == ROOT
    assert graph.nodes == (ROOT, *(purl(node) for node in range(1, 6)))
    assert graph.edges == ((0, 1), (0, 4), (1, 2), (2, 3), (3, 1))
    assert graph.depth == (0, 1, 2, 3, 1, None)
    assert (graph.direct, graph.transitive, graph.max_depth, graph.cycles, graph.unreachable) == (
        2,
        2,
        3,
        1,
        1,
    )
    assert not graph.flat


def test_components_with_one_purl_are_one_node():
    members = [
        {"type": "library", "name": "a", "bom-ref": ref, "purl": written}
        for ref, written in (("x", "pkg:pypi/My_Pkg@1"), ("y", "pkg:pypi/my.pkg@1"))
    ]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "name": "app", "version": "1", "bom-ref": "root"}},
        "components": members,
        "dependencies": [{"ref": "root", "dependsOn": ["x", "y"]}, {"ref": "x", "dependsOn": ["y"]}],
    }
    graph = build_graph(read_sbom("test", orjson.dumps(document)))
    assert graph.nodes == (ROOT, "pkg:pypi/my-pkg@1")
    assert graph.edges == ((0, 1),)


def test_without_any_stated_dependency_all_hangs_off_the_root():
    graph = build_graph(sbom_of([], 4))
    assert graph.flat
    assert graph.edges == ((0, 1), (0, 2), (0, 3))
    assert (graph.direct, graph.transitive, graph.max_depth) == (3, 0, 1)


def test_where_the_root_states_nothing_what_nobody_needs_hangs_off_it():
    graph = build_graph(sbom_of([(1, 2), (3, 2)], 5))
    assert not graph.flat
    assert dict(zip(graph.nodes, graph.depth, strict=True)) == {
        ROOT: 0,
        "pkg:npm/n00001@1": 1,
        "pkg:npm/n00002@1": 2,
        "pkg:npm/n00003@1": 1,
        "pkg:npm/n00004@1": 1,
    }


def test_what_is_only_nested_is_reached_through_what_holds_it():
    inner = {"type": "library", "name": "inner", "version": "1", "purl": "pkg:npm/inner@1"}
    outer = {"type": "library", "name": "outer", "version": "1", "purl": "pkg:npm/outer@1"}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"type": "application", "name": "app", "version": "1", "purl": ROOT}},
        "components": [{**outer, "components": [inner]}],
    }
    graph = build_graph(read_sbom("test", orjson.dumps(document)))
    assert dict(zip(graph.nodes, graph.depth, strict=True)) == {
        ROOT: 0,
        "pkg:npm/outer@1": 1,
        "pkg:npm/inner@1": 2,
    }


def test_without_a_subject_what_nobody_needs_hangs_off_a_stand_in():
    graph = build_graph(sbom_of([(0, 1), (1, 2), (3, 2)], 4, root=False))
    assert graph.root == STAND_IN_ROOT
    assert not graph.flat
    assert dict(zip(graph.nodes, graph.depth, strict=True)) == {
        STAND_IN_ROOT: 0,
        "pkg:npm/n00000@1": 1,
        "pkg:npm/n00001@1": 2,
        "pkg:npm/n00002@1": 2,
        "pkg:npm/n00003@1": 1,
    }


def test_a_long_chain_that_closes_is_measured_without_recursion():
    size = 20_000
    graph = build_graph(sbom_of([(node, (node + 1) % size) for node in range(size)], size))
    assert (graph.max_depth, graph.cycles, graph.unreachable) == (size - 1, 1, 0)


@given(graphs, st.randoms(use_true_random=False))
def test_order_does_not_change_the_digest(drawn, shuffler):
    edges, size = drawn
    shuffled = list(edges)
    shuffler.shuffle(shuffled)
    assert build_graph(sbom_of(shuffled, size)) == build_graph(sbom_of(sorted(edges), size))


def test_every_edge_and_node_changes_the_digest():
    edges = [(0, 1), (1, 2), (0, 3)]
    digests = {build_graph(sbom_of(edges, 4)).digest, build_graph(sbom_of(edges, 5)).digest}
    digests |= {build_graph(sbom_of([edge for edge in edges if edge != left], 4)).digest for left in edges}
    assert len(digests) == 5


@given(graphs, st.booleans())
def test_storing_and_reading_back_gives_the_same_graph(drawn, root):
    graph = build_graph(sbom_of(*drawn, root=root))
    assert from_document(orjson.loads(orjson.dumps(to_document(graph)))) == graph


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"version": 2}, "/version"),
        ({"root": "pkg:npm/other@1"}, "/nodes"),
        ({"nodes": ["pkg:npm/b@1", ROOT]}, "/nodes"),
        ({"edges": [[0, 9]]}, "/edges"),
        ({"edges": [[-1, 0]]}, "/edges"),
        ({"edges": [["a", "b"]]}, ""),
        ({"edges": [[0, 1], [0, 1]]}, "/edges"),
        ({"edges": [[0]]}, ""),
        ({"nodes": None}, ""),
    ],
)
def test_a_stored_form_that_is_not_ours_is_refused(change, path):
    document = to_document(build_graph(sbom_of([(0, 1)], 3)))
    with pytest.raises(InvalidDocument) as caught:
        from_document({**document, **change})
    assert (caught.value.source, caught.value.path) == ("graph", path)


def test_a_large_random_graph_is_the_same_from_any_order():
    chooser = random.Random(7)
    edges = [(chooser.randrange(2_000), chooser.randrange(2_000)) for _ in range(6_000)]
    first = build_graph(sbom_of(edges, 2_000)).digest
    chooser.shuffle(edges)
    assert build_graph(sbom_of(edges, 2_000)).digest == first
