"""Impact runs through the store, against an oracle of their own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from resources.selection import Selection
from resources.states import JobKind, RunState
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.ops.launches import close_run
from scheduler_defs.timing.rules import OnceRule

EXAMPLES = Path(__file__).parents[2] / "examples"


def snapshot(world, run):
    with world.database.begin(run.tenant_id) as store:
        found = store.impact_snapshots.get_of_run(run.tenant_id, run.id)
        return found, store.impact_snapshots.list_images(found)


def hits(world, run):
    """The affected images with what affects them: {repository: {(package, advisory), …}}."""
    with world.database.begin(run.tenant_id) as store:
        names = {image.id: image.repository for image in store.images.select(run.tenant_id, Selection())}
    _, images = snapshot(world, run)
    return {
        names[image]: {(purl.rpartition("/")[2].partition("@")[0], advisory) for purl, advisory in why}
        for image, why in images.items()
    }


def impact(world, tenant="acme", **selection):
    return world.run(JobKind.IMPACT, tenant, selection=Selection.parse(selection))


def oracle():
    """(package, advisory) pairs of the example by `packaging`: the last event at or before a version decides."""
    sbom = json.loads((EXAMPLES / "shop.cdx.json").read_text())
    versions = {one["name"].lower(): Version(one["version"]) for one in sbom["components"]}
    expected = set()
    for line in (EXAMPLES / "advisories.osv.jsonl").read_text().splitlines():
        record = json.loads(line)
        for affected in record["affected"]:
            name = affected["package"]["name"]
            for span in affected["ranges"]:
                bounds = sorted((Version(at), kind) for event in span["events"] for kind, at in event.items())
                reached = [kind for at, kind in bounds if at <= versions[name]]
                if "withdrawn" not in record and reached and reached[-1] == "introduced":
                    expected.add((name, record["id"]))
    return expected


def test_the_example_is_affected_by_what_an_independent_oracle_says(world):
    world.example()
    run = impact(world)
    assert hits(world, run) == {"shop/storefront": oracle()}
    stored, _ = snapshot(world, run)
    assert (run.stats["advisories"], run.stats["affected_images"], run.stats["images"]) == (41, 1, 1)
    assert run.stats["affected_components"] == len({package for package, _ in oracle()})
    assert (stored.total, stored.unknown, stored.feed_revision) == (1, 0, run.stats["feed_revision"])
    assert (stored.digest, stored.selector) == (run.stats["digest"], {})


def test_the_same_input_gives_the_same_digest_and_another_another(world):
    world.example()
    one, two = impact(world), impact(world)
    assert one.stats["digest"] == two.stats["digest"]
    world.advisories(world.advisory("NEW-1", "flask"))
    assert impact(world).stats["digest"] != one.stats["digest"]


def test_two_tenants_with_the_same_input_get_the_same_digest(world):
    world.image("elsewhere", {"click": "1.0"})
    for tenant in ("acme", "globex"):
        world.image("one", {"flask": "1.0", "jinja2": None}, tenant=tenant)
        world.image("two", {"flask": "1.0"}, tenant=tenant, digest=f"sha256:{'a' * 64}")
    world.advisories(world.advisory("A", "flask"), world.advisory("B", "jinja2"))
    ours, theirs = impact(world), impact(world, "globex")
    assert (ours.stats["affected_images"], ours.stats["affected_components"]) == (2, 1)
    assert ours.stats["digest"] == theirs.stats["digest"]
    world.image("two", {"flask": "1.0"}, tenant="globex", digest=f"sha256:{'b' * 64}")
    assert impact(world, "globex").stats["digest"] != theirs.stats["digest"]


def test_a_list_of_advisories_narrows(world):
    world.example()
    expected = {pair for pair in oracle() if pair[1] in {"PYSEC-2021-439", "PYSEC-2018-28"}}
    assert len(expected) == 2
    run = impact(world, advisories=["PYSEC-2021-439", "PYSEC-2018-28", "PYSEC-2015-17"])
    assert hits(world, run) == {"shop/storefront": expected}


def test_advisories_are_named_by_any_of_their_ids(world):
    world.image(packages={"flask": "1.0", "jinja2": "2.0", "click": "7.0"})
    named = [
        world.advisory("A", "flask") | {"aliases": ["CVE-1"]},
        world.advisory("B", "jinja2") | {"upstream": ["CVE-1", "CVE-2"]},
        world.advisory("C", "click") | {"aliases": ["CVE-3"]},
    ]
    world.advisories(*named)
    run = impact(world, advisories=["CVE-1"])
    assert hits(world, run) == {"shop/web": {("flask", "A"), ("jinja2", "B")}}
    assert snapshot(world, run)[0].selector == {"advisories": ["CVE-1"]}
    asked = world.opened(JobKind.IMPACT, selection=Selection(advisories=("CVE-1",)))
    world.advisories(*(one | {"aliases": [], "upstream": []} for one in named))
    assert close_run(world.database, world.carry(asked))
    assert hits(world, asked.runs[0]) == {}


@pytest.fixture
def feed(world):
    """Three revisions: A, B and C; then A is withdrawn and B narrowed away from us; then D comes."""
    world.image(packages={"flask": "1.0", "jinja2": "2.0", "click": "7.0"})
    a, b, c = world.advisory("A", "flask"), world.advisory("B", "jinja2"), world.advisory("C", "click")
    first = world.advisories(a, b, c)
    narrowed = world.advisory("B", "jinja2", ("introduced", "0"), ("fixed", "1.5"))
    second = world.advisories(a | {"withdrawn": "2026-02-01T00:00:00Z"}, narrowed, c)
    third = world.advisories(world.advisory("D", "click"))
    return first, second, third


def test_what_holds_now_leaves_out_withdrawn_and_narrowed_advisories(world, feed):
    assert hits(world, impact(world)) == {"shop/web": {("click", "C"), ("click", "D")}}


@pytest.mark.parametrize(
    ("since", "found"),
    [
        (0, {("flask", "A"), ("jinja2", "B"), ("click", "C"), ("click", "D")}),
        (1, {("flask", "A"), ("jinja2", "B"), ("click", "D")}),
        (2, {("click", "D")}),
        (3, set()),
    ],
)
def test_since_a_revision_everything_that_began_or_ended_after_it_counts(world, feed, since, found):
    revision = [0, *feed][since]
    run = impact(world, since_revision=revision)
    assert hits(world, run) == ({"shop/web": found} if found else {})
    assert run.stats["feed_revision"] == feed[-1]


def test_since_a_revision_and_a_list_of_advisories_narrow_together(world, feed):
    run = impact(world, since_revision=feed[0], advisories=["B", "C"])
    assert hits(world, run) == {"shop/web": {("jinja2", "B")}}


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({}, {"shop/web", "shop/api", "infra/proxy"}),
        ({"namespace": "infra"}, {"infra/proxy"}),
        ({"repository": "shop/*"}, {"shop/web", "shop/api"}),
        ({"digest": f"sha256:{'a' * 64}"}, {"shop/api"}),
        ({"labels": {"tier": "prod"}}, {"shop/web", "infra/proxy"}),
    ],
)
def test_a_selection_names_the_images(world, selection, chosen):
    world.advisories(world.advisory("A", "flask"))
    world.image("shop/web", labels={"tier": "prod"})
    world.image("shop/api", digest=f"sha256:{'a' * 64}")
    world.image("infra/proxy", namespace="infra", labels={"tier": "prod"})
    world.image("shop/safe", {"click": "1.0"}, namespace="other")
    world.image("theirs", tenant="globex", labels={"tier": "prod"})
    run = impact(world, **selection)
    assert hits(world, run).keys() == chosen
    assert run.stats["affected_images"] == len(chosen)
    assert hits(world, impact(world, "globex")).keys() == {"theirs"}


def test_deltas_are_against_the_last_snapshot_of_the_schedule(world):
    world.advisories(world.advisory("A", "flask"))
    with world.database.begin_system() as store:
        for name in ("hourly", "daily"):
            wanted = NewSchedule(name, JobKind.IMPACT, [OnceRule(store.now())])
            create_schedule(store, "acme", wanted, "ann")
    world.image("one")
    world.image("two")
    assert world.run(JobKind.IMPACT, schedule="hourly").deltas == {"added": 2, "removed": 0}
    world.image("two", {"click": "7.0"})
    world.image("three")
    world.image("four")
    assert impact(world).deltas == {"added": 3, "removed": 0}
    assert world.run(JobKind.IMPACT, schedule="hourly").deltas == {"added": 2, "removed": 1}
    assert world.run(JobKind.IMPACT, schedule="hourly").deltas == {"added": 0, "removed": 0}
    assert world.run(JobKind.IMPACT, schedule="daily").deltas == {"added": 3, "removed": 0}
    with world.database.begin("acme") as store:
        by_kind = store.run_summaries.list("acme", "day").items
    assert {"added": 4, "removed": 1} in [summary.deltas for summary in by_kind]


def test_versions_that_cannot_be_compared_are_counted_and_never_safe(world):
    world.advisories(
        world.advisory("A", "flask", ("introduced", "0"), ("fixed", "2.0")),
        world.advisory("B", "flask", ("introduced", "1.0")),
        world.advisory("C", "click", ("introduced", "0"), ("fixed", "2.0")),
    )
    world.image("shop/odd", {"flask": "(devel)", "click": None}, namespace="odd")
    world.image("shop/even", {"flask": "1.5"}, namespace="even")
    run = impact(world)
    stored, images = snapshot(world, run)
    assert (run.stats["unknown"], stored.unknown, stored.total, len(images)) == (3, 3, 1, 1)
    assert hits(world, run) == {"shop/even": {("flask", "A"), ("flask", "B")}}
    with world.database.begin("acme") as store:
        said = {(line.level, line.message) for line in store.execution_logs.tail("acme", run.id).items}
    assert ("warning", "3 pairs cannot be compared and count as unknown") in said


def test_what_cannot_be_compared_is_counted_for_the_selected_images_only(world):
    world.advisories(world.advisory("A", "flask", ("introduced", "0"), ("fixed", "2.0")))
    world.image("shop/odd", {"flask": "(devel)"}, namespace="odd")
    world.image("shop/odd-too", {"flask": "(devel)"}, namespace="odd")
    world.image("shop/even", {"flask": "1.5"}, namespace="even")
    assert [impact(world, namespace=name).stats["unknown"] for name in ("odd", "even")] == [1, 0]


def test_nothing_to_look_at_is_an_empty_snapshot(world):
    run = impact(world)
    stored, images = snapshot(world, run)
    assert (stored.total, stored.unknown, stored.feed_revision, images) == (0, 0, 0, {})
    assert run.deltas == {"added": 0, "removed": 0}


def test_the_snapshot_of_an_earlier_attempt_stays(world, admin):
    image = world.example()
    opened = world.opened(JobKind.IMPACT)
    died = world.carry(opened)
    first = snapshot(world, died.run)
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [died.run.id])
    world.advisories(world.advisory("LATER-1", "flask"))
    said = []
    outcome = world.carry(
        replace(opened, runs=[world.row(died.run)]), lambda _, message: said.append(message)
    )
    assert (outcome.state, outcome.error) == (RunState.COMPLETED, None)
    assert "an earlier attempt wrote the snapshot" in said
    assert (outcome.result.stats, outcome.result.deltas) == (died.result.stats, died.result.deltas)
    assert outcome.result.table == died.result.table
    assert outcome.result.table[0]["image"] == image.name
    assert snapshot(world, died.run) == first

    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [died.run.id])
    admin.execute("UPDATE inventory.images SET sbom_id = NULL")
    outcome = world.carry(replace(opened, runs=[world.row(died.run)]))
    assert [row["image"] for row in outcome.result.table] == [str(image.id)]
