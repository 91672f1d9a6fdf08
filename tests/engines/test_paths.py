"""The shortest paths to a component, against an oracle that lists them all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.engines.graph import from_document
from scheduler_defs.engines.node_names import find_nodes
from scheduler_defs.engines.paths import shortest_paths, why


def graph_of(nodes, edges, root=None):
    """A graph of texts; edges are pairs of them."""
    nodes = sorted(nodes)
    at = {node: index for index, node in enumerate(nodes)}
    pairs = sorted({(at[source], at[target]) for source, target in edges})
    document = {"version": 1, "root": root or nodes[0], "flat": False, "nodes": nodes}
    return from_document(document | {"edges": [list(pair) for pair in pairs]})


def numbered(edges, size):
    """A graph of nodes 0 to size - 1, rooted at 0."""
    nodes = [f"pkg:npm/n{node:05}@1" for node in range(size)]
    return graph_of(nodes, [(nodes[source], nodes[target]) for source, target in edges])


def every_path(edges, ends, path=(0,)):
    """Each way to walk on from a path without visiting a node twice, if it stops at an end."""
    found = [path] if path[-1] in ends else []
    for source, target in edges:
        if source == path[-1] and target not in path:
            found += every_path(edges, ends, (*path, target))
    return found


def tangles(most=7):
    """Graphs with cycles, parallel ways and parts nothing leads to; some nodes as ends; how many paths to find."""
    return st.integers(1, most).flatmap(
        lambda size: st.tuples(
            st.sets(
                st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda e: e[0] != e[1]),
                max_size=22,
            ),
            st.just(size),
            st.sets(st.integers(0, size - 1), min_size=1, max_size=3),
            st.integers(1, 40),
        )
    )


@given(tangles())
def test_the_shortest_paths_are_the_first_of_all_there_are(drawn):
    edges, size, ends, limit = drawn
    expected = sorted(every_path(edges, ends), key=lambda path: (len(path), path))
    assert shortest_paths(numbered(edges, size), ends, limit) == expected[:limit]


@given(tangles())
def test_all_paths_are_found_when_none_is_left_out(drawn):
    edges, size, ends, _ = drawn
    expected = sorted(every_path(edges, ends), key=lambda path: (len(path), path))
    assert shortest_paths(numbered(edges, size), ends, len(expected) + 1) == expected


def test_a_way_round_a_cycle_is_found_where_the_shortest_ways_on_lead_back():
    """From 1 the shortest way to 4 that does not begin with 4 would be by 0 or 2, which the path has visited."""
    edges = [(0, 2), (2, 1), (1, 2), (2, 4), (1, 3), (3, 5), (5, 4)]
    assert shortest_paths(numbered(edges, 6), {4}, 9) == [(0, 2, 4), (0, 2, 1, 3, 5, 4)]


def test_of_two_to_the_power_of_two_hundred_paths_the_first_come_quickly():
    """200 diamonds in a row; each edge also leads back, so that there are cycles everywhere."""
    edges = []
    for rung in range(200):
        left, upper, lower, right = (3 * rung + at for at in range(4))
        forth = [(left, upper), (left, lower), (upper, right), (lower, right)]
        edges += forth + [(target, source) for source, target in forth]
    began = time.process_time()
    found = shortest_paths(numbered(edges, 601), {600}, 20)
    assert time.process_time() - began < 20
    assert len({*found}) == 20
    assert {len(path) for path in found} == {401}
    assert found == sorted(found)


def test_a_path_of_twenty_thousand_nodes_is_found_without_recursion():
    size = 20_000
    graph = numbered([(node, (node + 1) % size) for node in range(size)], size)
    assert shortest_paths(graph, {size - 1}, 5) == [tuple(range(size))]


ROOT, FLASK, JINJA, SAFE, OLD = (
    "pkg:generic/app@1",
    "pkg:pypi/flask@1.0",
    "pkg:pypi/jinja2@2.10",
    "pkg:pypi/markup-safe@1.1",
    "pkg:pypi/markup-safe@0.9",
)
APP = graph_of(
    {ROOT, FLASK, JINJA, SAFE, OLD}, [(ROOT, FLASK), (ROOT, JINJA), (FLASK, JINJA), (JINJA, SAFE)], ROOT
)


def test_why_names_the_components_and_the_paths_shortest_first():
    found = why(APP, "markup-safe@1.1")
    assert found.components == (SAFE,)
    assert found.paths == ((ROOT, JINJA, SAFE), (ROOT, FLASK, JINJA, SAFE))
    assert (found.unreachable, found.more) == ((), False)


def test_why_says_that_there_are_more_paths_than_asked_for():
    found = why(APP, JINJA, limit=1)
    assert (found.paths, found.more) == (((ROOT, JINJA),), True)
    assert not why(APP, JINJA, limit=2).more


def test_a_component_that_no_path_leads_to_is_told():
    found = why(APP, "markup-safe")
    assert found.components == (OLD, SAFE)
    assert found.unreachable == (OLD,)
    assert {path[-1] for path in found.paths} == {SAFE}
    alone = why(APP, OLD)
    assert (alone.components, alone.unreachable, alone.paths) == ((OLD,), (OLD,), ())


def test_the_root_is_its_own_path():
    assert why(APP, "app").paths == ((ROOT,),)


def test_a_limit_below_one_is_refused():
    with pytest.raises(InvalidInput, match="limit: 0 is not valid"):
        why(APP, "flask", limit=0)


NAMED = [
    "pkg:deb/debian/openssl@1.1?arch=amd64&distro=debian-11",
    "pkg:deb/debian/openssl@1.1?arch=i386&distro=debian-11",
    "pkg:generic/app@1",
    "pkg:golang/github.com/Azure/go-autorest@v1#autorest/adal",
    "pkg:maven/org.slf4j/slf4j-api@2.0",
    "pkg:npm/%40babel/core@7.1",
    "pkg:npm/core@3",
    "pkg:npm/core@4",
    "pkg:pypi/ruamel-yaml@0.15",
    "pkg:pypi/yaml",
    "unreadable",
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("pkg:npm/core@3", ["pkg:npm/core@3"]),
        ("pkg:npm/core", ["pkg:npm/core@3", "pkg:npm/core@4"]),
        ("core", ["pkg:npm/%40babel/core@7.1", "pkg:npm/core@3", "pkg:npm/core@4"]),
        ("core@4", ["pkg:npm/core@4"]),
        ("CORE@4", ["pkg:npm/core@4"]),
        ("@babel/core", ["pkg:npm/%40babel/core@7.1"]),
        ("@babel/core@7.1", ["pkg:npm/%40babel/core@7.1"]),
        ("pkg:npm/@babel/core", ["pkg:npm/%40babel/core@7.1"]),
        ("Ruamel.YAML", ["pkg:pypi/ruamel-yaml@0.15"]),
        ("pkg:pypi/Ruamel_YAML@0.15", ["pkg:pypi/ruamel-yaml@0.15"]),
        ("yaml", ["pkg:pypi/yaml"]),
        ("org.slf4j:slf4j-api", ["pkg:maven/org.slf4j/slf4j-api@2.0"]),
        ("org.slf4j/slf4j-api@2.0", ["pkg:maven/org.slf4j/slf4j-api@2.0"]),
        ("slf4j-api", ["pkg:maven/org.slf4j/slf4j-api@2.0"]),
        ("openssl", NAMED[:2]),
        ("debian/openssl@1.1", NAMED[:2]),
        ("pkg:deb/debian/openssl@1.1", NAMED[:2]),
        ("pkg:deb/debian/openssl?arch=i386", NAMED[1:2]),
        ("pkg:golang/github.com/azure/go-autorest", NAMED[3:4]),
        ("pkg:golang/github.com/azure/go-autorest#autorest/adal", NAMED[3:4]),
        ("unreadable", ["unreadable"]),
    ],
)
def test_what_names_a_component(wanted, found):
    graph = graph_of(NAMED, [], "pkg:generic/app@1")
    assert [graph.nodes[node] for node in find_nodes(graph, wanted)] == found


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("core@5", "near are @babel/core@7.1, core@3, core@4"),
        ("slf4j", "near are org.slf4j:slf4j-api@2.0"),
        ("opnssl", "near are openssl@1.1"),
        ("pkg:npm/core@5", "near are pkg:npm/core@3, pkg:npm/core@4"),
        (
            "pkg:deb/debian/openssl?arch=arm64",
            "near are pkg:deb/debian/openssl@1.1?arch=amd64&distro=debian-11",
        ),
        ("pkg:golang/github.com/azure/go-autorest#other", "near are pkg:golang/github.com/"),
        ("pkg:npm", "a package URL like pkg:pypi/requests@2.32.0"),
        ("qqqqqqqq", "no component of this graph is called like it"),
        ("core@", "near are @babel/core@7.1, core@3, core@4"),
        ("", "no component of this graph is called like it"),
    ],
)
def test_what_names_none_is_refused_with_what_is_near(wanted, hint):
    with pytest.raises(InvalidInput) as caught:
        find_nodes(graph_of(NAMED, [], "pkg:generic/app@1"), wanted)
    assert (caught.value.field, caught.value.value) == ("component", wanted)
    assert hint in str(caught.value)
