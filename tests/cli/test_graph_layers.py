"""The layers that scheduler graph show prints, and the picture that scheduler graph picture draws."""

import json
from xml.etree import ElementTree

import pytest

from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.vex import ingest_vex
from tests.engines.test_svg import box_of, texts
from tests.ops.conftest import World

PACKAGES = {"flask": "1.0", "jinja2": "2.10", "idle": "0.1"}
FLASK, JINJA, IDLE = "pkg:pypi/flask@1.0", "pkg:pypi/jinja2@2.10", "pkg:pypi/idle@0.1"
BLOCK_ALL = "name: default\nrules: []\ndefault: block\n"
HEED_VEX = """
name: default
rules:
  - {name: vex, when: 'vex.status == "not_affected"', verdict: ignore}
default: warn
"""


@pytest.fixture
def shop(database, tenant, tmp_path):
    """The image shop/web with its graph, whose jinja2, two steps from the root, an advisory affects."""
    world = World(database, tmp_path)
    world.image("shop/web", PACKAGES, depends={"root": ["flask", "idle"], "flask": ["jinja2"]})
    world.run(JobKind.GRAPH)
    world.advisories(world.advisory("A-1", "jinja2", aliases=["CVE-1"]))
    return world


@pytest.fixture
def layers(scheduler):
    """layers() maps each layer's name to its count and digest."""

    def read():
        shown = json.loads(scheduler("graph", "show", "shop/web", "--json").stdout)
        return {one["layer"]: (one["count"], one["digest"]) for one in shown["layers"]}

    return read


def evaluate(world, policy):
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", policy, "ann")
    assert world.run(JobKind.POLICY, mode=PolicyMode.FULL).state is RunState.COMPLETED


def state(world, purl, about="CVE-1", **said):
    path = world.directory / "statement.json"
    said = said or {"status": "not_affected", "justification": "vulnerable_code_not_present"}
    statement = {"vulnerability": {"name": about}, "products": [{"@id": purl}]} | said
    document = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "ann", "version": 1}
    path.write_text(json.dumps(document | {"timestamp": "2026-01-01T00:00:00Z", "statements": [statement]}))
    ingest_vex(world.database, "acme", path, "ann")


def changed(before, after):
    return [layer for layer in before if before[layer] != after[layer]]


def test_each_input_changes_its_layer_and_a_policy_run_what_follows_from_it(shop, layers):
    evaluate(shop, BLOCK_ALL)
    first = layers()
    assert [count for count, _ in first.values()] == [4, 1, 0, 1]

    shop.advisories(shop.advisory("A-1", "jinja2", aliases=["CVE-1"], summary="worse"))
    worse = layers()
    assert changed(first, worse) == ["advisory"]
    shop.advisories(shop.advisory("A-9", "elsewhere"))
    assert layers() == worse

    state(shop, JINJA)
    stated = layers()
    assert changed(worse, stated) == ["vex"]
    state(shop, "pkg:pypi/elsewhere")
    assert layers() == stated

    evaluate(shop, HEED_VEX)
    assert changed(stated, layers()) == ["policy"]

    shop.advisories(shop.advisory("A-2", "flask"))
    more = layers()
    assert changed(stated, more) == ["advisory", "policy"]
    evaluate(shop, HEED_VEX)
    assert changed(more, layers()) == ["policy"]
    assert [count for count, _ in layers().values()] == [4, 2, 1, 2]


def test_the_order_in_which_things_came_does_not_count(shop, layers, scheduler):
    state(shop, JINJA)
    shop.advisories(shop.advisory("A-2", "flask"))
    evaluate(shop, BLOCK_ALL)
    other = World(shop.database, shop.directory)
    other.image("shop/web", {"other": "1", **dict(reversed(PACKAGES.items()))}, tenant="globex")
    tangled = {"root": ["idle", "flask"], "flask": ["jinja2"]}
    other.image("shop/web", dict(reversed(PACKAGES.items())), tenant="globex", depends=tangled)
    other.run(JobKind.GRAPH, "globex")
    with other.database.begin("globex") as store:
        apply_policy(store, "globex", "test", BLOCK_ALL, "bob")
    path = shop.directory / "statement.json"
    ingest_vex(other.database, "globex", path, "bob")
    other.run(JobKind.POLICY, "globex", mode=PolicyMode.FULL)
    shown = json.loads(scheduler("graph", "show", "shop/web", "--json", "--tenant", "globex").stdout)
    assert {one["layer"]: (one["count"], one["digest"]) for one in shown["layers"]} == layers()


def test_the_picture_is_written_with_what_leads_to_the_vulnerable(shop, scheduler, tmp_path):
    shop.advisories(shop.advisory("A-3", "idle"), shop.advisory("A-4", "flask"))
    state(shop, IDLE, "A-3")
    evaluate(shop, HEED_VEX)
    shop.advisories(shop.advisory("A-4", "flask", withdrawn="2026-02-01T00:00:00Z"))
    target = tmp_path / "web.svg"
    result = scheduler("graph", "picture", "shop/web", "-o", target)
    assert (result.exit_code, result.output) == (0, "")
    svg = ElementTree.fromstring(target.read_text())
    assert box_of(svg, "pkg:generic/shop%2Fweb@1")[1] == ["shop/web@1"]
    assert box_of(svg, FLASK)[1] == ["flask@1.0", "warn · unknown · A-4"]
    assert box_of(svg, JINJA)[1] == ["jinja2@2.10", "warn · unknown · A-1"]
    assert box_of(svg, IDLE)[1] == ["idle@0.1", "silenced by VEX · A-3"]
    assert "registry.example/shop/web:1: 3 vulnerable components" in texts(svg)
    assert scheduler("graph", "picture", "shop/web").stdout == target.read_text()


def test_the_picture_of_an_image_that_no_policy_has_seen_shows_what_matches(shop, scheduler):
    svg = ElementTree.fromstring(scheduler("graph", "picture", "shop/web").stdout)
    assert box_of(svg, FLASK)[1] == ["flask@1.0"]
    assert box_of(svg, JINJA)[1] == ["jinja2@2.10", "matched · unknown · A-1"]


def test_of_several_policies_the_worst_verdict_is_drawn_and_vex_that_affirms_silences_nothing(
    shop, scheduler
):
    state(shop, JINJA, status="affected", action_statement="upgrade")
    svg = ElementTree.fromstring(scheduler("graph", "picture", "shop/web").stdout)
    assert box_of(svg, JINJA)[1][1] == "matched · unknown · A-1"
    evaluate(shop, HEED_VEX)
    evaluate(shop, BLOCK_ALL.replace("default", "another", 1))
    evaluate(shop, "name: third\nrules: []\ndefault: ignore\n")
    svg = ElementTree.fromstring(scheduler("graph", "picture", "shop/web").stdout)
    assert box_of(svg, JINJA)[1][1] == "block · unknown · A-1"


def test_what_cannot_be_drawn_or_written_is_refused(shop, refused, tenant, tmp_path, admin):
    (digest,) = admin.execute("SELECT digest FROM inventory.graphs").fetchone()
    error = refused("graph", "picture", digest, "--tenant", tenant)
    assert (
        error
        == f"Error: image: {digest!r} is not valid; expected an image; a graph named by its digest may be of many"
    )
    target = tmp_path / "none" / "web.svg"
    error = refused("graph", "picture", "shop/web", "-o", target, "--tenant", tenant)
    assert error == (
        f"Error: output: {str(target)!r} is not valid; "
        "expected a file that can be written (No such file or directory)"
    )
