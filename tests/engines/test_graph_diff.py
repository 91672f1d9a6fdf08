"""What changed between two graphs, against sets compared one by one."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scheduler_defs.engines.graph import build_graph, from_document
from scheduler_defs.engines.graph_diff import EdgeChange, GraphDiff, VersionChange, diff
from scheduler_defs.engines.sbom_formats import read_sbom

ROOT = "pkg:generic/app@1"


def graph_of(*edges, nodes=(), root=ROOT, flat=False):
    nodes = sorted({root, *nodes, *(end for edge in edges for end in edge)})
    pairs = sorted({(nodes.index(source), nodes.index(target)) for source, target in edges})
    document = {"version": 1, "root": root, "flat": flat, "nodes": nodes}
    return from_document(document | {"edges": [list(pair) for pair in pairs]})


def npm(name, version):
    return f"pkg:npm/{name}@{version}"


packages = st.builds(npm, st.sampled_from("abcd"), st.integers(1, 3))
roots = st.sampled_from([ROOT, "pkg:generic/app@2", npm("a", 1)])
graphs = st.builds(
    lambda edges, nodes, root, flat: graph_of(
        *(e for e in edges if e[0] != e[1]), nodes=nodes, root=root, flat=flat
    ),
    *(
        st.lists(st.tuples(packages, packages), max_size=8),
        st.sets(packages, max_size=4),
        roots,
        st.booleans(),
    ),
)


def edges_of(graph):
    return {(graph.nodes[source], graph.nodes[target]) for source, target in graph.edges}


def name_of(node):
    return node.partition("@")[0]


@given(graphs, graphs)
def test_a_difference_leads_from_one_graph_to_the_other(earlier, later):
    found = diff(earlier, later)
    lost = {*found.removed, *(node for change in found.changed for node in change.before)}
    won = {*found.added, *(node for change in found.changed for node in change.after)}
    assert (set(earlier.nodes) - lost) | won == set(later.nodes)
    assert (lost, won) == (set(earlier.nodes) - set(later.nodes), set(later.nodes) - set(earlier.nodes))
    gone, new = ({(e.dependent, e.dependency) for e in es} for es in (found.edges_removed, found.edges_added))
    assert gone == edges_of(earlier) - edges_of(later)
    assert new == edges_of(later) - edges_of(earlier)
    assert found.root == (None if earlier.root == later.root else (earlier.root, later.root))
    assert found.flat == (None if earlier.flat == later.flat else (earlier.flat, later.flat))


@given(graphs, graphs)
def test_a_package_has_changed_when_it_lost_versions_and_gained_others(earlier, later):
    found = diff(earlier, later)
    named = [change.package for change in found.changed]
    assert named == sorted({*named})
    for change in found.changed:
        assert {name_of(node) for node in (*change.before, *change.after)} == {change.package}
        assert change.before
        assert change.after
    assert {*map(name_of, found.added)}.isdisjoint({*map(name_of, found.removed)} | {*named})
    assert {*map(name_of, found.removed)}.isdisjoint(named)


@given(graphs, graphs)
def test_nothing_differs_exactly_when_the_digests_are_equal(earlier, later):
    assert (diff(earlier, later) == GraphDiff()) == (earlier.digest == later.digest)


@given(graphs)
def test_nothing_differs_from_itself(graph):
    assert diff(graph, from_document(document_of(graph))) == GraphDiff()


def document_of(graph):
    edges = [list(edge) for edge in graph.edges]
    return {"version": 1, "root": graph.root, "flat": graph.flat, "nodes": [*graph.nodes], "edges": edges}


@given(graphs, graphs)
def test_the_other_way_round_all_is_turned_round(earlier, later):
    there, back = diff(earlier, later), diff(later, earlier)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert (there.edges_added, there.edges_removed) == (back.edges_removed, back.edges_added)
    assert [(c.package, c.before, c.after) for c in there.changed] == [
        (c.package, c.after, c.before) for c in back.changed
    ]


@given(graphs, graphs)
def test_an_edge_follows_a_change_between_packages_that_both_graphs_join(earlier, later):
    found = diff(earlier, later)
    moved = {node for change in found.changed for node in (*change.before, *change.after)}
    for edges, other in ((found.edges_added, earlier), (found.edges_removed, later)):
        joined = {(name_of(source), name_of(target)) for source, target in edges_of(other)}
        for edge in edges:
            ends = edge.dependent, edge.dependency
            assert edge.follows == (not moved.isdisjoint(ends) and tuple(map(name_of, ends)) in joined)


def test_an_edge_that_turns_to_another_version_which_stays_follows_nothing():
    both = [npm("a", 1), npm("a", 2)]
    found = diff(graph_of((ROOT, npm("a", 1)), nodes=both), graph_of((ROOT, npm("a", 2)), nodes=both))
    assert found == GraphDiff(
        edges_added=(EdgeChange(ROOT, npm("a", 2), False),),
        edges_removed=(EdgeChange(ROOT, npm("a", 1), False),),
    )


def test_a_change_in_full():
    earlier = graph_of((ROOT, npm("a", 1)), (npm("a", 1), npm("b", 1)), (ROOT, npm("c", 1)))
    later = graph_of((ROOT, npm("a", 2)), (npm("a", 2), npm("b", 1)), (ROOT, npm("d", 1)))
    assert diff(earlier, later) == GraphDiff(
        added=(npm("d", 1),),
        removed=(npm("c", 1),),
        changed=(VersionChange("pkg:npm/a", (npm("a", 1),), (npm("a", 2),)),),
        edges_added=(
            EdgeChange(ROOT, npm("a", 2), True),
            EdgeChange(ROOT, npm("d", 1), False),
            EdgeChange(npm("a", 2), npm("b", 1), True),
        ),
        edges_removed=(
            EdgeChange(ROOT, npm("a", 1), True),
            EdgeChange(ROOT, npm("c", 1), False),
            EdgeChange(npm("a", 1), npm("b", 1), True),
        ),
    )


def test_a_version_that_comes_beside_another_is_added():
    found = diff(graph_of(nodes=[npm("a", 1)]), graph_of(nodes=[npm("a", 1), npm("a", 2)]))
    assert (found.added, found.changed) == ((npm("a", 2),), ())


def test_a_package_is_the_same_whatever_tells_of_its_release_and_another_on_another_machine():
    debian = "pkg:deb/debian/libc6"
    before = f"{debian}@2.31?arch=amd64&distro=debian-11&upstream=glibc%402.31"
    after = f"{debian}@2.36?arch=amd64&distro=debian-12&upstream=glibc%402.36"
    other = f"{debian}@2.36?arch=i386&distro=debian-12&upstream=glibc%402.36"
    found = diff(graph_of(nodes=[before]), graph_of(nodes=[after, other]))
    assert found.changed == (VersionChange(f"{debian}?arch=amd64", (before,), (after,)),)
    assert found.added == (other,)


def test_parts_of_one_package_are_told_apart():
    one, other = ("pkg:golang/example.com/m@v1#a", "pkg:golang/example.com/m@v2#b")
    found = diff(graph_of(nodes=[one]), graph_of(nodes=[other]))
    assert (found.added, found.removed, found.changed) == ((other,), (one,), ())


def test_a_scoped_name_is_no_version():
    found = diff(graph_of(nodes=["pkg:npm/%40x/a@1"]), graph_of(nodes=["pkg:npm/%40x/b@1"]))
    assert (found.added, found.removed) == (("pkg:npm/%40x/b@1",), ("pkg:npm/%40x/a@1",))


def test_sboms_in_another_order_have_one_graph():
    names = ["a", "b", "c"]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5"}
    members = [{"type": "library", "name": n, "bom-ref": n, "purl": f"pkg:npm/{n}@1"} for n in names]
    edges = [{"ref": "a", "dependsOn": ["b"]}, {"ref": "b", "dependsOn": ["c"]}]
    one, other = (
        build_graph(read_sbom("test", orjson.dumps(document | {"components": m, "dependencies": e})))
        for m, e in ((members, edges), (members[::-1], edges[::-1]))
    )
    assert diff(one, other) == GraphDiff()
