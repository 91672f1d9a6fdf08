"""Digests of layers: of what is known alone, each of its own layer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_defs.engines.layers import Found, Matched, Stated, graph_layer, overlay_layers
from tests.engines.test_paths import numbered

names = st.sampled_from("abc")
matched = st.lists(
    st.builds(Matched, names, names, st.sampled_from(["affected", "unknown"]), names), max_size=5
)
stated = st.lists(st.builds(Stated, names, names, names), max_size=5)
found = st.lists(
    st.builds(Found, names, names, names, st.sampled_from(["block", "warn"]), st.none() | names), max_size=5
)
knowledge = st.tuples(matched, stated, found)


def digests(known):
    return [layer.digest for layer in overlay_layers(*known)]


@settings(max_examples=40)
@given(knowledge, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_counts(known, random):
    shuffled = [[*rows, *rows[:2]] for rows in known]
    for rows in shuffled:
        random.shuffle(rows)
    assert overlay_layers(*shuffled) == overlay_layers(*known)


@settings(max_examples=40)
@given(knowledge, knowledge)
def test_a_digest_changes_exactly_with_its_own_layer(before, after):
    equal = [set(one) == set(other) for one, other in zip(before, after, strict=True)]
    assert [one == other for one, other in zip(digests(before), digests(after), strict=True)] == equal


def test_layers_are_told_apart_and_count_their_distinct_rows():
    row = Matched("pkg:npm/a@1", "A-1", "affected", "d")
    (advisory, vex, policy) = overlay_layers([row, row], [], [])
    assert [(one.layer, one.count) for one in (advisory, vex, policy)] == [
        ("advisory", 1),
        ("vex", 0),
        ("policy", 0),
    ]
    assert vex.digest != policy.digest


def test_the_layer_of_a_graph_is_the_graphs_own():
    graph = numbered([(0, 1), (1, 2)], 3)
    layer = graph_layer(graph)
    assert (layer.layer, layer.count, layer.digest) == ("graph", 3, graph.digest)


def test_digests_stay_what_they_were():
    """Golden: whoever keeps one may compare it with that of another release."""
    known = (
        [Matched("pkg:npm/a@1", "A-1", "affected", "d")],
        [Stated("pkg:npm/a@1", "A-1", "s")],
        [Found("default", "pkg:npm/a@1", "A-1", "block", None)],
    )
    assert [digest[:16] for digest in digests(known)] == [
        "d1a035adb8fbe24a",
        "c70be2cb6dc44dfb",
        "ac5550008be300b4",
    ]
