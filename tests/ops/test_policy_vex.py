"""Policy runs by what VEX states: of components, of images, and later of the same."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.vex import ingest_vex
from scheduler_defs.ops import policy_chunks as policies
from scheduler_defs.overlays import read_overlays

FULL, INCREMENTAL, SIMULATE = PolicyMode.FULL, PolicyMode.INCREMENTAL, PolicyMode.SIMULATE
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """
name: default
rules:
  - {name: vex, when: 'vex.status in ["not_affected", "fixed"]', verdict: ignore}
  - {name: looked at, when: 'vex.status == "under_investigation"', verdict: warn}
default: block
"""
PACKAGES = {"flask": "1.0", "click": "2.0"}
ALL_BLOCK = {
    ("shop/a", "A-flask"): "block",
    ("shop/a", "A-click"): "block",
    ("shop/b", "A-flask"): "block",
    ("shop/b", "A-click"): "block",
}


@pytest.fixture
def shop(world):
    """Two images with the same two packages, and an advisory with a CVE for each package."""
    for name in ("a", "b"):
        world.image(f"shop/{name}", PACKAGES)
    world.advisories(
        *(
            world.advisory(f"A-{package}", package, aliases=[f"CVE-2026-{number}"])
            for number, package in enumerate(PACKAGES)
        )
    )
    apply(world, POLICY)
    return world


def apply(world, text):
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", text, "ann")


def state(
    world, *products, status="not_affected", about="CVE-2026-0", day=0, subcomponents=None, tenant="acme"
):
    """Ingests an OpenVEX document with one statement."""
    at = (DAY_ONE + timedelta(days=day)).isoformat()
    statement = {"vulnerability": {"name": about}, "status": status, "timestamp": at}
    if status == "not_affected":
        statement["justification"] = "vulnerable_code_not_in_execute_path"
    if status == "affected":
        statement["action_statement"] = "Update."
    statement["products"] = [
        {"@id": product}
        | ({"subcomponents": [{"@id": one} for one in subcomponents]} if subcomponents else {})
        for product in products
    ]
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://shop.example/vex/1",
        "author": "Shop",
        "timestamp": at,
        "version": 1,
        "statements": [statement],
    }
    path = world.directory / "shop.openvex.json"
    path.write_text(json.dumps(document))
    return ingest_vex(world.database, tenant, path, "ann")


def evaluate(world, mode=FULL, **selection):
    return world.run(JobKind.POLICY, mode=mode, selection=Selection.parse(selection))


def verdicts(world):
    with world.database.begin("acme") as store:
        found = store.findings.list_open("acme", limit=100)
    return {(one.repository, one.advisory_id): one.verdict for one in found}


def items(world, run):
    with world.database.begin("acme") as store:
        return {item.image_id: item for item in store.policy_jobs.list_of_run(run)}


IMAGE_A = "pkg:oci/a?repository_url=registry.example/shop/a&tag=1"


def test_a_component_that_is_not_affected_is_ignored_in_every_image(shop):
    evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK
    state(shop, "pkg:pypi/flask@1.0")
    run = evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK | {
        ("shop/a", "A-flask"): "ignore",
        ("shop/b", "A-flask"): "ignore",
    }
    assert (run.deltas["changed"], run.deltas["new"], run.deltas["fixed"]) == (2, 0, 0)


def test_another_version_vulnerability_or_tenant_changes_nothing(shop):
    state(shop, "pkg:pypi/flask@1.1")
    state(shop, "pkg:pypi/flask", about="CVE-2026-9")
    state(shop, "pkg:npm/flask")
    state(shop, "pkg:pypi/flask", tenant="globex")
    evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK


def test_a_statement_about_a_cve_silences_the_advisories_that_are_about_it_alone(shop):
    of_flask, other = "CVE-2026-0", "CVE-2026-7"
    shop.advisories(
        shop.advisory("DEBIAN-CVE-2026-0", "flask", upstream=[of_flask]),
        shop.advisory("USN-1", "flask", upstream=[of_flask, f"UBUNTU-{of_flask}"]),
        shop.advisory("DSA-1", "flask", upstream=[of_flask, other]),
        shop.advisory("DSA-2", "flask", related=[of_flask]),
    )
    state(shop, "pkg:pypi/flask", about=of_flask.lower())
    state(shop, "pkg:pypi/flask", about="DSA-2")
    run = evaluate(shop)
    found = {name: verdict for (image, name), verdict in verdicts(shop).items() if image == "shop/a"}
    silent = ("A-flask", "DEBIAN-CVE-2026-0", "USN-1", "DSA-2")
    assert found == dict.fromkeys(silent, "ignore") | {"DSA-1": "block", "A-click": "block"}
    with shop.database.begin("acme") as store:
        (image,) = store.images.find_named("acme", "shop/a", 1)
        stated = {advisory for _, advisory in read_overlays(store, image).statements}
    assert stated == set(silent)
    assert {one.input_digest for one in items(shop, evaluate(shop, INCREMENTAL)).values()} == {
        one.input_digest for one in items(shop, run).values()
    }


def test_a_statement_about_an_image_is_of_that_image(shop):
    state(shop, IMAGE_A, subcomponents=["pkg:pypi/flask"])
    evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK | {("shop/a", "A-flask"): "ignore"}
    state(shop, IMAGE_A, about="CVE-2026-1", status="fixed")
    evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK | {
        ("shop/a", "A-flask"): "ignore",
        ("shop/a", "A-click"): "ignore",
    }


def test_the_later_statement_holds_whatever_was_ingested_first(shop):
    state(shop, "pkg:pypi/flask", day=2, status="affected")
    state(shop, "pkg:pypi/flask", day=1)
    evaluate(shop)
    assert verdicts(shop) == ALL_BLOCK
    state(shop, "pkg:pypi/flask", day=3, status="under_investigation")
    evaluate(shop)
    assert verdicts(shop)["shop/b", "A-flask"] == "warn"


def test_incremental_evaluates_the_images_that_a_statement_is_about(shop):
    shop.image("shop/c", {"jinja2": "1.0"})
    evaluate(shop, INCREMENTAL)
    state(shop, IMAGE_A, subcomponents=["pkg:pypi/flask"])
    run = evaluate(shop, INCREMENTAL)
    assert (run.stats["evaluated"], run.stats["unchanged"]) == (1, 2)
    assert verdicts(shop) == ALL_BLOCK | {("shop/a", "A-flask"): "ignore"}
    after = items(shop, run)
    full = evaluate(shop, FULL)
    assert set(full.deltas.values()) == {0}
    assert {image: (item.input_digest, item.result_digest) for image, item in items(shop, full).items()} == {
        image: (item.input_digest, item.result_digest) for image, item in after.items()
    }


def test_statements_that_are_about_nothing_here_leave_every_image_as_it_is(shop):
    evaluate(shop, INCREMENTAL)
    state(shop, "pkg:pypi/django", about="CVE-1999-1")
    assert evaluate(shop, INCREMENTAL).stats["unchanged"] == 2


def test_simulate_says_what_a_statement_changes_and_writes_nothing(shop):
    evaluate(shop)
    state(shop, "pkg:pypi/flask")
    run = evaluate(shop, SIMULATE)
    assert (run.deltas["changed"], run.stats["ignore"]) == (2, 2)
    assert verdicts(shop) == ALL_BLOCK


def test_a_statement_that_comes_during_a_run_holds_for_the_chunks_that_follow(shop, monkeypatch):
    monkeypatch.setattr(policies, "CHUNK", 1)
    opened, lines = shop.opened(JobKind.POLICY, mode=FULL), []

    def say(level, message):
        lines.append(message)
        if message == "looked at 1 of 2 images":
            state(shop, "pkg:pypi/flask")

    outcome = shop.carry(opened, say)
    assert outcome.state is RunState.COMPLETED
    assert sum("evaluating by what holds now" in line for line in lines) == 1
    assert sorted(verdicts(shop).values()) == ["block", "block", "block", "ignore"]


def test_a_policy_may_ask_what_image_it_is(shop):
    shop.image("shop/a", PACKAGES, labels={"tier": "production"})
    apply(
        shop,
        "name: default\nrules: [{name: live, verdict: block,"
        ' when: \'"tier" in image.labels && image.labels.tier == "production"\'}]\ndefault: warn\n',
    )
    run = evaluate(shop, INCREMENTAL)
    assert {key: one for key, one in verdicts(shop).items() if one == "block"}.keys() == {
        ("shop/a", "A-flask"),
        ("shop/a", "A-click"),
    }
    assert run.stats["evaluated"] == 2
    shop.image("shop/b", PACKAGES, labels={"tier": "production"})
    run = evaluate(shop, INCREMENTAL)
    assert (run.stats["evaluated"], run.stats["unchanged"]) == (1, 1)
    assert set(verdicts(shop).values()) == {"block"}


def test_labels_that_no_policy_asks_of_leave_an_image_as_it_is(shop):
    evaluate(shop, INCREMENTAL)
    shop.image("shop/b", PACKAGES, labels={"tier": "production"})
    assert evaluate(shop, INCREMENTAL).stats["unchanged"] == 2


def test_the_default_policy_ignores_what_is_not_affected(world):
    world.image("shop/a", {"flask": "1.0"})
    world.advisories(world.advisory("A-flask", "flask", aliases=["CVE-2026-0"]))
    state(world, "pkg:pypi/flask", about="A-flask")
    evaluate(world)
    assert verdicts(world) == {("shop/a", "A-flask"): "ignore"}
