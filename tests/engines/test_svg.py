"""Pictures as SVG: well formed whatever the names are, in the colours of the worst, complete in themselves."""

from xml.etree import ElementTree

import pytest

from scheduler_defs.engines.picture import Hit, picture_of
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.svg import to_svg
from tests.engines.test_picture import hit, star

NAMESPACE = "{http://www.w3.org/2000/svg}"
FLASK = "pkg:pypi/flask@1.0"
BLOCK, WARN, IGNORE = Verdict


def drawn(hits, names=(FLASK,), image="shop/web:1", most=60):
    return ElementTree.fromstring(to_svg(picture_of(star(*names), hits, most), image))


def texts(svg):
    return [element.text for element in svg.iter(f"{NAMESPACE}text")]


def box_of(svg, node):
    """The rectangle of a node and its lines."""
    for group in svg.iter(f"{NAMESPACE}svg"):
        if group.findtext(f"{NAMESPACE}title") == node:
            return group.find(f"{NAMESPACE}rect"), texts(group)
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("hits", "note", "border"),
    [
        ([hit(FLASK)], "block · high · A-1", "b"),
        (
            [hit(FLASK, verdict=WARN), hit(FLASK, advisory="A-2", verdict=WARN)],
            "warn · high · 2 advisories",
            None,
        ),
        ([hit(FLASK, verdict=None)], "matched · high · A-1", None),
        ([hit(FLASK, verdict=None, silenced=True)], "silenced by VEX · A-1", "v"),
        ([hit(FLASK, verdict=IGNORE, silenced=True)], "silenced by VEX · A-1", "v"),
        ([hit(FLASK, verdict=IGNORE)], "ignored · A-1", "q"),
        ([hit(FLASK, verdict=WARN, silenced=True)], "warn · high · A-1", None),
        ([hit(FLASK), hit(FLASK, verdict=IGNORE, advisory="A-2")], "block · high · A-1", "b"),
    ],
)
def test_a_node_says_its_worst(hits, note, border):
    rect, lines = box_of(drawn(hits), FLASK)
    assert lines == ["flask@1.0", note]
    assert rect.get("class") == border


def test_each_severity_has_a_colour_of_its_own_that_the_legend_names():
    fills = {}
    for severity in Severity:
        rect, _ = box_of(drawn([hit(FLASK, severity)]), FLASK)
        fills[severity] = rect.get("fill")
    assert len(set(fills.values())) == len(Severity)
    svg = drawn([])
    legend = [one.get("fill") for one in svg.findall(f"{NAMESPACE}rect")]
    assert set(fills.values()) <= set(legend)
    assert {*Severity, "block", "silenced by VEX", "ignored"} <= set(texts(svg))


def test_the_rest_is_counted_in_one_node():
    hits = [hit("a"), hit("b", Severity.CRITICAL, WARN), hit("c", Severity.LOW, WARN)]
    svg = drawn(hits, "abc", most=3)
    assert box_of(svg, "not shown")[1] == ["and 2 more", "at worst warn · critical"]
    assert "shop/web:1: 3 vulnerable components" in texts(svg)
    assert "and 1 more" not in texts(drawn(hits[:1], "a"))


def test_without_any_it_says_so():
    assert "shop/web:1: no component is known to be vulnerable" in texts(drawn([]))
    assert "shop/web:1: 1 vulnerable component" in texts(drawn([hit(FLASK)]))


def test_names_cannot_break_out_of_the_text():
    evil = 'x"><script>alert(1)</script>&\x1b\x00\uffff'
    svg = drawn([Hit(evil, evil, Severity.HIGH)], [evil], evil)
    assert not list(svg.iter(f"{NAMESPACE}script"))
    assert any("<script>alert(1)</script>&\ufffd\ufffd\ufffd" in text for text in texts(svg))
    assert "href" not in to_svg(picture_of(star(FLASK), [hit(FLASK)]), "x")


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("pkg:golang/github.com/some/very-long-owner/module@v1.2.3", "…e/very-long-owner/module@v1.2.3"),
        ("pkg:oci/shop@sha256:01234567", "shop@sha256:01234567"),
        ("pkg:oci/shop@sha256:012345678", "shop@sha256:0123456…"),
        ("pkg:npm/%40babel/core", "@babel/core"),
        ("no package URL, and longer than what fits", "… URL, and longer than what fits"),
    ],
)
def test_of_long_names_the_end_is_shown_and_of_long_versions_the_beginning(node, name):
    assert box_of(drawn([hit(node)], [node]), node)[1][0] == name
