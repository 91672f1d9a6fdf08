"""The picture in a run's metadata: of the image with most to do, and never a reason to fail."""

from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.ops.launches import close_run, finish_launch
from scheduler_defs.ops.pictures import picture_metadata
from tests.engines.test_svg import box_of, texts

BEGINNING = "![vulnerable components](data:image/svg+xml;base64,"
FULL, INCREMENTAL, SIMULATE = PolicyMode.FULL, PolicyMode.INCREMENTAL, PolicyMode.SIMULATE
POLICY = """
name: default
rules:
  - {name: flask, when: 'component.name == "flask"', verdict: block}
default: warn
"""


@pytest.fixture
def shop(world):
    """Two images: one with two packages to warn of, one with a package to block; an advisory for each."""
    packages = {"click": "1.0", "jinja2": "1.0"}
    world.image("shop/many", packages)
    world.image("shop/worst", {"flask": "1.0", "idle": "1.0"}, depends={"root": ["idle"], "idle": ["flask"]})
    world.advisories(*(world.advisory(f"A-{name}", name) for name in (*packages, "flask")))
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", POLICY, "ann")
    return world


def metadata_of(result):
    assert result.success
    (event,) = [
        one for one in result.all_events if one.is_successful_output and one.step_key.startswith("close_")
    ]
    return event.event_specific_data.metadata


def svg_of(metadata):
    """The SVG of the picture in some metadata; None without one."""
    if "picture" not in metadata:
        return None
    text = metadata["picture"].md_str
    assert text.startswith(BEGINNING)
    return ElementTree.fromstring(b64decode(text.removeprefix(BEGINNING).removesuffix(")")))


def drawn(world, kind, tenant="acme", **wanted):
    """The picture of one run that is carried out."""
    opened = world.opened(kind, tenant, **wanted)
    outcome = world.carry(opened)
    assert close_run(world.database, outcome) is RunState.COMPLETED
    finish_launch(world.database, opened)
    return svg_of(picture_metadata(world.database, [outcome]))


def test_runs_show_the_image_with_most_to_do(shop):
    assert drawn(shop, JobKind.POLICY, mode=FULL) is None  # there is no graph yet
    for svg in (drawn(shop, JobKind.GRAPH), drawn(shop, JobKind.POLICY, mode=INCREMENTAL)):
        assert "registry.example/shop/worst:1: 1 vulnerable component" in texts(svg)
        assert box_of(svg, "pkg:pypi/flask@1.0")[1] == ["flask@1.0", "block · unknown · A-flask"]
        assert box_of(svg, "pkg:pypi/idle@1.0")[1] == ["idle@1.0"]
    assert drawn(shop, JobKind.POLICY, mode=SIMULATE) is None
    assert drawn(shop, JobKind.IMPACT) is None


def test_only_images_of_the_run_count(shop):
    shop.run(JobKind.POLICY, mode=FULL)
    svg = drawn(shop, JobKind.GRAPH, selection=Selection(repository="shop/many"))
    assert "registry.example/shop/many:1: 2 vulnerable components" in texts(svg)


def test_an_image_whose_graph_could_not_be_built_is_not_drawn(shop, admin):
    shop.run(JobKind.POLICY, mode=FULL)
    worst = "SELECT sbom_id FROM inventory.images WHERE repository = 'shop/worst'"
    admin.execute(f"UPDATE inventory.sboms SET content = '?' WHERE id = ({worst})")
    outcome = shop.carry(shop.opened(JobKind.GRAPH))
    assert outcome.state is RunState.FAILED
    svg = svg_of(picture_metadata(shop.database, [outcome]))
    assert "registry.example/shop/many:1: 2 vulnerable components" in texts(svg)


def test_of_images_of_one_name_the_worst_is_drawn(shop):
    for sign, packages in (
        ("a", {"click": "1.0"}),
        ("b", {"flask": "1.0", "click": "1.0"}),
        ("c", {"jinja2": "1"}),
    ):
        shop.image("shop/worst", packages, digest=f"sha256:{sign * 64}")
    shop.run(JobKind.GRAPH)
    svg = drawn(shop, JobKind.POLICY, mode=FULL)
    for kind, signs in ((JobKind.POLICY, "abc"), (JobKind.IMPACT, "abc"), (JobKind.GRAPH, "abc")):
        table = shop.carry(shop.opened(kind)).result.table
        names = {row["image"] for row in table if "worst" in row["image"]}
        assert names >= {f"registry.example/shop/worst:1@sha256:{sign * 12}" for sign in signs}
    assert box_of(svg, "pkg:pypi/click@1.0")[1] == ["click@1.0", "warn · unknown · A-click"]


def test_before_any_policy_run_a_graph_run_shows_what_matches(shop):
    svg = drawn(shop, JobKind.GRAPH)
    assert "registry.example/shop/many:1: 2 vulnerable components" in texts(svg)


def test_a_run_without_anything_vulnerable_or_without_images_has_no_picture(world):
    world.image("shop/clean")
    assert drawn(world, JobKind.GRAPH) is None
    assert drawn(world, JobKind.GRAPH, "globex") is None


def test_packed_runs_and_those_that_did_not_end_have_none(shop):
    outcome = shop.carry(shop.opened(JobKind.GRAPH))
    assert picture_metadata(shop.database, [outcome])
    assert picture_metadata(shop.database, [outcome, outcome]) == {}
    for state in (RunState.PENDING, RunState.CANCELLED, None):
        assert picture_metadata(shop.database, [replace(outcome, state=state)]) == {}


def test_the_job_shows_it_first_and_goes_on_without_when_it_cannot_be_drawn(shop, job, admin):
    metadata = metadata_of(job("graph", tenant="acme"))
    assert next(iter(metadata)) == "picture"
    assert svg_of(metadata)
    admin.execute("UPDATE inventory.graphs SET content = '?'")
    assert "picture" not in metadata_of(job("graph", tenant="acme"))
