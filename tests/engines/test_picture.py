"""What a picture shows of a graph: the worst nodes and the ways to them, no more than fit, none upon another."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_defs.engines.paths import shortest_paths
from scheduler_defs.engines.picture import Hit, picture_of
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.engines.severity import Severity
from tests.engines.test_paths import graph_of, numbered, tangles

BLOCK, WARN, IGNORE = Verdict
CRITICAL, HIGH, LOW, UNKNOWN = Severity.CRITICAL, Severity.HIGH, Severity.LOW, Severity.UNKNOWN


def hit(node, severity=HIGH, verdict=BLOCK, advisory="A-1", *, silenced=False):
    return Hit(node, advisory, severity, verdict, silenced)


def shown(picture):
    return [box.node for box in picture.boxes]


def star(*names):
    """A root with nodes right below it."""
    return graph_of(["0", *names], [("0", name) for name in names], "0")


@settings(max_examples=60)
@given(tangles(8), st.integers(1, 8))
def test_it_shows_the_first_path_to_each_node_that_fits_and_nothing_else(drawn, most):
    edges, size, ends, _ = drawn
    graph = numbered(edges, size)
    picture = picture_of(graph, [hit(graph.nodes[end]) for end in ends], most)
    vulnerable = {box.node for box in picture.boxes if box.hits} | {one.node for one in picture.more}
    assert vulnerable == {graph.nodes[end] for end in ends}
    assert picture.vulnerable == len(ends)
    assert len(picture.boxes) + bool(picture.more) <= max(most, 2)
    expected = {graph.root}
    for end in ends:
        (path,) = shortest_paths(graph, [end], 1) or [(end,)]
        if graph.nodes[end] in shown(picture):
            expected |= {graph.nodes[step] for step in path}
    assert sorted(shown(picture)) == sorted(expected)
    assert shown(picture)[0] == graph.root


@settings(max_examples=60)
@given(tangles(8), st.integers(1, 8))
def test_edges_lead_one_step_on_and_boxes_keep_apart(drawn, most):
    edges, size, ends, _ = drawn
    graph = numbered(edges, size)
    picture = picture_of(graph, [hit(graph.nodes[end]) for end in ends], most)
    pairs = {(graph.nodes[source], graph.nodes[target]) for source, target in graph.edges}
    for source, target in picture.edges:
        before, after = picture.boxes[source], picture.boxes[target]
        assert (before.node, after.node) in pairs
        assert after.depth == before.depth + 1
    reached = {picture.boxes[target].node for _, target in picture.edges} | {graph.root}
    assert {box.node for box in picture.boxes if box.depth is not None} == reached
    for one, other in combinations(picture.boxes, 2):
        assert (one.depth or 0) != (other.depth or 0) or abs(one.row - other.row) >= 1


def test_what_does_not_fit_is_the_least_bad():
    graph = star("a", "b", "c", "d")
    hits = [hit("a", HIGH, WARN), hit("b", LOW), hit("c", UNKNOWN, WARN), hit("d", CRITICAL, IGNORE)]
    picture = picture_of(graph, hits, 3)
    assert shown(picture) == ["0", "b"]
    assert [one.node for one in picture.more] == ["a", "c", "d"]
    assert shown(picture_of(graph, hits, 6)) == ["0", "b", "a", "c", "d"]


def test_a_node_whose_path_is_too_long_makes_room_for_others():
    graph = graph_of("0abcd", [*zip("0ab", "abc", strict=True), ("0", "d")], "0")
    picture = picture_of(graph, [hit("c", CRITICAL), hit("d", LOW, WARN)], 4)
    assert (shown(picture), [one.node for one in picture.more]) == (["0", "d"], ["c"])


def test_what_policies_ignore_or_vex_silences_comes_last_but_not_what_they_block_all_the_same():
    hits = [
        hit("a", CRITICAL, IGNORE),
        hit("b", CRITICAL, None, silenced=True),
        hit("c", LOW, None),
        hit("d", LOW, BLOCK, silenced=True),
    ]
    assert [one.is_quiet for one in hits] == [True, True, False, False]
    assert shown(picture_of(star("a", "b", "c", "d"), hits)) == ["0", "d", "c", "b", "a"]


def test_a_node_has_its_hits_once_the_worst_first():
    hits = [hit("a", HIGH, WARN, "A-2"), hit("a", LOW, BLOCK, "A-3"), hit("a", HIGH, WARN, "A-1")]
    (_, box) = picture_of(star("a"), hits * 2).boxes
    assert [one.advisory for one in box.hits] == ["A-3", "A-1", "A-2"]


def test_a_node_that_no_path_leads_to_is_shown_and_one_of_another_graph_is_not():
    picture = picture_of(graph_of("0ab", [("0", "a")], "0"), [hit("b"), hit("z")])
    assert [(box.node, box.depth) for box in picture.boxes] == [("0", 0), ("b", None)]
    assert picture.vulnerable == 1


def test_without_hits_the_root_stands_alone():
    picture = picture_of(star("a"), [])
    assert (shown(picture), picture.edges, picture.vulnerable) == (["0"], (), 0)
