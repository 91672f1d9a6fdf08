"""scheduler graph: on graphs that real graph runs have built."""

import json
import zlib

import pytest

from resources.inventory_records import GraphRow
from resources.states import JobKind, RunState
from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.graph import from_document, to_document
from tests.engines.test_paths import graph_of, numbered
from tests.ops.conftest import World

WEB = "registry.example/shop/web:1"
ROOT = "pkg:generic/shop%2Fweb@1"
FLASK, JINJA, SAFE = "pkg:pypi/flask@1.0", "pkg:pypi/jinja2@2.10", "pkg:pypi/markupsafe@1.1.1"
PACKAGES = {"flask": "1.0", "jinja2": "2.10", "markupsafe": "1.1.1", "mako": "1.1.0", "idle": "0.1"}
DEPENDS = {
    "root": ["flask", "mako"],
    "flask": ["jinja2"],
    "jinja2": ["markupsafe"],
    "mako": ["markupsafe"],
    "markupsafe": ["jinja2"],
}
ACCEPTED = (
    "expected registry/repository:tag, …@digest, or a part of them that one image with an SBOM has; "
    "or the digest of a graph, at least its first 8 digits"
)


@pytest.fixture
def world(database, tenant, tmp_path):
    """The tenants acme and globex, with nothing in them."""
    return World(database, tmp_path)


@pytest.fixture
def web(world):
    """The image shop/web, its graph built by a run."""
    image = world.image("shop/web", PACKAGES, depends=DEPENDS)
    assert world.run(JobKind.GRAPH).state is RunState.COMPLETED
    return image


@pytest.fixture
def digests(admin):
    """The digests of all stored graphs, oldest first."""
    return lambda: [d for (d,) in admin.execute("SELECT digest FROM inventory.graphs ORDER BY created_at")]


@pytest.fixture
def keep(database, tenant):
    """Keeps a graph under its digest, as a graph run does."""

    def keep(graph, digest=None):
        content = zlib.compress(canonical_json(to_document(graph)))
        row = GraphRow(digest or graph.digest, graph.root, len(graph.nodes), len(graph.edges), 1, content)
        with database.begin(tenant) as store:
            store.images.add_graph(tenant, row, store.now())

    return keep


def test_a_graph_is_shown_with_its_measures(scheduler, web, digests):
    (digest,) = digests()
    result = scheduler("graph", "show", "shop/web")
    assert (result.exit_code, result.stderr) == (0, "")
    fields, _, layers = result.stdout.partition("\n\n")
    assert [line.rsplit(maxsplit=1) for line in fields.splitlines()] == [
        ["image", WEB],
        ["digest", digest],
        ["root", ROOT],
        ["nodes", "6"],
        ["edges", "6"],
        ["max depth", "2"],
        ["direct", "2"],
        ["transitive", "2"],
        ["unreachable", "1"],
        ["cycles", "1"],
        ["flat", "no"],
    ]
    shown = json.loads(scheduler("graph", "show", "shop/web", "--json").stdout)
    heading, *lines = [line.split() for line in layers.splitlines()]
    assert heading == ["LAYER", "COUNT", "DIGEST"]
    assert lines == [[one["layer"], str(one["count"]), one["digest"]] for one in shown.pop("layers")]
    assert [line[:2] for line in lines] == [["graph", "6"], ["advisory", "0"], ["vex", "0"], ["policy", "0"]]
    measures = {"nodes": 6, "edges": 6, "max_depth": 2, "direct": 2, "transitive": 2}
    assert shown == {"image": WEB, "digest": digest, "root": ROOT} | measures | {
        "unreachable": 1,
        "cycles": 1,
        "flat": False,
    }


def test_a_graph_is_found_by_digits_of_its_digest_too(scheduler, web, digests):
    (digest,) = digests()
    for text in (digest, digest[:8], digest[:20].upper()):
        shown = json.loads(scheduler("graph", "show", text, "--json").stdout)
        assert (shown["image"], shown["digest"]) == (None, digest)
        assert shown["layers"] == [{"layer": "graph", "count": 6, "digest": digest}]


def test_an_image_is_found_by_its_digest_and_shown_with_it(scheduler, world):
    digests = [f"sha256:{sign * 64}" for sign in "ab"]
    for digest in digests:
        world.image("shop/web", {"a": digest[-1] * 3}, digest=digest)
    world.run(JobKind.GRAPH)
    for text in (f"{WEB}@{digests[1]}", f"@{digests[1]}", "bbbbbbbb"):
        shown = json.loads(scheduler("graph", "show", text, "--json").stdout)
        assert shown["image"] == f"{WEB}@{digests[1]}"


def test_why_prints_each_path_the_shortest_first(scheduler, web):
    result = scheduler("graph", "why", WEB, "markupsafe")
    mako = "pkg:pypi/mako@1.1.0"
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{ROOT} → {mako} → {SAFE}",
        f"{ROOT} → {FLASK} → {JINJA} → {SAFE}",
    ]
    first = scheduler("graph", "why", WEB, "pkg:pypi/markupsafe", "--limit", 1)
    assert first.stdout.splitlines() == [f"{ROOT} → {mako} → {SAFE}"]
    assert first.stderr == "there are more paths than 1, see --limit\n"
    found = json.loads(scheduler("graph", "why", WEB, "markupsafe@1.1.1", "--json", "--limit", 1).stdout)
    assert found["paths"] == [[ROOT, mako, SAFE]]
    assert (found["image"], found["components"], found["unreachable"]) == (WEB, [SAFE], [])
    assert found["more"] is True


def test_the_example_of_the_readme(scheduler, world):
    world.example()
    world.run(JobKind.GRAPH)
    lines = scheduler("graph", "why", "shop/storefront", "markupsafe").stdout.splitlines()
    paths = [[node.rpartition("/")[2] for node in line.split(" → ")[1:]] for line in lines]
    assert paths == [
        ["jinja2@2.10", "markupsafe@1.1.1"],
        ["mako@1.1.0", "markupsafe@1.1.1"],
        ["flask@0.12.2", "jinja2@2.10", "markupsafe@1.1.1"],
    ]


def test_a_component_that_no_path_leads_to_is_said_to_be_there(scheduler, web):
    result = scheduler("graph", "why", WEB, "idle")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no path leads from {ROOT} to pkg:pypi/idle@0.1\n"


def test_two_graphs_are_compared(scheduler, world, web, digests):
    (before,) = digests()
    newer = PACKAGES | {"flask": "2.0", "werkzeug": "2.0"}
    del newer["idle"]
    world.image("shop/web", newer, depends=DEPENDS | {"flask": ["jinja2", "werkzeug"]})
    world.run(JobKind.GRAPH)
    result = scheduler("graph", "diff", before, WEB)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["CHANGE", "COMPONENT", "BEFORE", "AFTER"],
        ["added", "pkg:pypi/werkzeug@2.0", "-", "-"],
        ["removed", "pkg:pypi/idle@0.1", "-", "-"],
        ["changed", "pkg:pypi/flask", "1.0", "2.0"],
        ["edge", "added", "pkg:pypi/flask@2.0", "→", "pkg:pypi/werkzeug@2.0", "-", "-"],
    ]
    assert result.stderr == (
        "1 added, 1 removed, 1 changed; 3 edges added, 2 removed, "
        "4 of them not shown, as they follow changed versions\n"
    )
    found = json.loads(scheduler("graph", "diff", before, WEB, "--json").stdout)
    assert found["earlier"] == {"image": None, "digest": before}
    assert found["later"] == {"image": WEB, "digest": digests()[1]}
    assert (found["added"], found["removed"]) == (["pkg:pypi/werkzeug@2.0"], ["pkg:pypi/idle@0.1"])
    assert found["changed"] == [
        {"package": "pkg:pypi/flask", "before": [FLASK], "after": ["pkg:pypi/flask@2.0"]}
    ]
    assert {"dependent": ROOT, "dependency": FLASK, "follows": True} in found["edges_removed"]
    assert (found["root"], found["flat"]) == (None, None)


def test_equal_graphs_do_not_differ(scheduler, web, digests):
    result = scheduler("graph", "diff", WEB, digests()[0])
    assert (result.exit_code, result.stdout) == (0, "")
    counts = "0 added, 0 removed, 0 changed; 0 edges added, 0 removed"
    assert result.stderr == f"no difference\n{counts}\n"


def test_one_version_packed_otherwise_is_shown_in_full_and_another_root_too(scheduler, keep, environment):
    environment["COLUMNS"] = "200"
    before, after = "pkg:deb/debian/a@1?distro=debian-11", "pkg:deb/debian/a@1?distro=debian-12"
    other = "pkg:npm/z@1"
    graphs = [graph_of([before, other], [], before), graph_of([after, other], [(other, after)], other)]
    for graph in graphs:
        keep(graph)
    result = scheduler("graph", "diff", *(graph.digest for graph in graphs))
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["root", "-", before, other],
        ["changed", "pkg:deb/debian/a", before, after],
        ["edge", "added", other, "→", after, "-", "-"],
    ]
    flat = from_document(to_document(graphs[0]) | {"flat": True})
    keep(flat)
    found = scheduler("graph", "diff", graphs[0].digest, flat.digest).stdout
    assert found.splitlines()[1].split() == ["flat", "-", "no", "yes"]


def test_an_image_without_a_graph_says_which_command_builds_it(refused, scheduler, world, web, runs, tenant):
    world.image("shop/web", PACKAGES | {"flask": "3.0"}, depends=DEPENDS)
    command = "scheduler run start --kind graph --repository shop/web --tenant acme"
    wanted = f"an image whose present SBOM has a graph; build it with `{command}`"
    message = f"Error: image: 'shop/web' is not valid; expected {wanted}"
    assert refused("graph", "show", "shop/web", "--tenant", tenant) == message
    assert refused("graph", "why", "shop/web", "flask", "--tenant", tenant) == message
    assert refused("graph", "diff", "shop/web", "shop/web", "--tenant", tenant) == message
    words = command.split()[1:]
    assert scheduler(*words[:-2]).exit_code == 0
    assert runs()[0].selection == {"repository": "shop/web"}
    world.run(JobKind.GRAPH)
    assert scheduler("graph", "show", "shop/web").exit_code == 0


@pytest.mark.parametrize("text", ["", "none", "abcdef0", "abcdef01", "shop/web:2", "%"])
def test_what_names_no_image_is_refused(refused, web, tenant, text):
    for rest in (("show",), ("picture",), ("why",), ("diff",)):
        more = {"why": ["flask"], "diff": [WEB]}.get(rest[0], [])
        error = refused("graph", *rest, text, *more, "--tenant", tenant)
        assert error == f"Error: image: {text!r} is not valid; {ACCEPTED}"
    assert f"image: {text!r}" in refused("graph", "diff", WEB, text, "--tenant", tenant)


def test_what_names_several_images_is_refused_with_some_of_them(refused, world, tenant):
    for name in "abcd":
        world.image(f"shop/{name}")
    error = refused("graph", "show", "shop", "--tenant", tenant)
    names = ", ".join(f"registry.example/shop/{name}:1" for name in "abc")
    assert error == f"Error: image: 'shop' is not valid; expected what names one image, not {names}, more"


def test_digits_that_several_graphs_begin_with_are_refused(refused, keep, tenant):
    for last in "ab":
        keep(numbered([], 1), "12345678" + last * 56)
    error = refused("graph", "show", "12345678", "--tenant", tenant)
    assert error == "Error: image: '12345678' is not valid; expected more digits: several graphs begin so"


def test_a_component_that_is_not_there_is_refused_with_what_is_near(refused, web, tenant):
    error = refused("graph", "why", WEB, "markupsave", "--tenant", tenant)
    assert error.startswith("Error: component: 'markupsave' is not valid; expected a component's package URL")
    assert error.endswith("; near are markupsafe@1.1.1")
    assert "component: 'pkg:x' is not valid" in refused("graph", "why", WEB, "pkg:x", "--tenant", tenant)
    assert "1001 is not in the range 1<=x<=1000" in refused(
        "graph", "why", WEB, "flask", "--limit", 1001, "--tenant", tenant
    )


def test_another_tenant_sees_neither_image_nor_graph(refused, web, digests):
    for text in (WEB, digests()[0]):
        assert f"image: {text!r}" in refused("graph", "show", text, "--tenant", "globex")


def test_a_graph_that_was_changed_is_not_believed(refused, web, admin, digests, tenant):
    (digest,) = digests()
    for content, reason in (
        (b"?", "cannot be unpacked"),
        (zlib.compress(b"{}"), "is not what was kept: its content has another digest"),
    ):
        admin.execute("UPDATE inventory.graphs SET content = %s", [content])
        error = refused("graph", "show", WEB, "--tenant", tenant)
        assert error.startswith(f"Error: graph {digest}: at /: {reason}")


def test_names_of_a_graph_cannot_steer_the_terminal(scheduler, keep):
    evil, alone = "x\x1b[2J", "y\x1b[2J"
    graph = graph_of(["a", evil, alone], [("a", evil)], "a")
    keep(graph)
    assert scheduler("graph", "why", graph.digest, evil).stdout == "a → x\\x1b[2J\n"
    assert scheduler("graph", "why", graph.digest, alone).stderr == "no path leads from a to y\\x1b[2J\n"
