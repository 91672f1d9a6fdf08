"""Inventory: findings are new, stay, are fixed and come back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from resources.inventory_records import Decided, OpenCount, Was
from resources.repositories.inventory import findings
from resources.selection import Selection
from resources.states import JobKind, PolicyMode

MINUTE = timedelta(minutes=1)


@pytest.fixture
def scene(database, plant):
    """Two images that hold lodash, three advisories, and how to make a finding of them."""
    images = [plant.image(name, ["lodash@4.0"]) for name in ("api", "shop")]
    for advisory in ("A-1", "A-2", "A-3"):
        plant.advisory(advisory, "lodash")
    with database.begin("acme") as store:
        policy = store.policies.list("acme")[0]
        ((component,),) = store.connection.execute("SELECT id FROM inventory.component_versions").fetchall()

    def finding(image, advisory, **changes):
        wanted = {
            "match": "affected",
            "severity": "high",
            "verdict": "block",
            "rule": "r1",
            "message": "fix it",
        }
        place = (policy.policy_id, component, advisory, policy.revision)
        return images[image].id, Decided(*place, **(wanted | changes))

    return images, policy, finding


@pytest.fixture
def evaluate(database, plant, scene):
    """Makes findings the open ones of images (both, unless said otherwise) by a new run; returns the run's id."""
    images, _, _ = scene

    def evaluate(at, *findings, of=images):
        run = plant.running(kind=JobKind.POLICY, mode=PolicyMode.FULL)
        with database.begin("acme") as store:
            replace_all(store, run, [image.id for image in of], findings, at)
        return run.id

    return evaluate


def replace_all(store, run, images, findings, at):
    """Writes all that was found, and closes the images' others."""
    found = {image_id: [one for of, one in findings if of == image_id] for image_id in images}
    gone = {image_id: [] for image_id in images}
    for one in store.findings.list_open_of("acme", images):
        if one.key not in {other.key for other in found[one.image_id]}:
            gone[one.image_id].append(one.key)
    store.findings.write(run, found, at)
    store.findings.close(run, gone, at)


def rows(admin):
    """(first run, last run, first seen, last seen, fixed) by repository and advisory."""
    found = admin.execute("""
        SELECT i.repository, f.advisory_id, f.first_run_id, f.last_run_id, f.first_seen_at, f.last_seen_at, f.fixed_at
        FROM inventory.findings AS f JOIN inventory.images AS i ON i.id = f.image_id
    """).fetchall()
    return {row[:2]: row[2:] for row in found}


def test_a_finding_is_new_stays_is_fixed_and_comes_back(plant, admin, scene, evaluate):
    _, _, finding = scene
    key, seen = ("api", "A-1"), finding(0, "A-1")
    at = [plant.now + number * MINUTE for number in range(4)]
    first = evaluate(at[0], seen)
    assert rows(admin) == {key: (first, first, at[0], at[0], None)}
    second = evaluate(at[1], seen)
    assert rows(admin) == {key: (first, second, at[0], at[1], None)}
    evaluate(at[2])
    assert rows(admin) == {key: (first, second, at[0], at[1], at[2])}
    evaluate(at[3])
    assert rows(admin) == {key: (first, second, at[0], at[1], at[2])}
    third = evaluate(at[3], seen)
    assert rows(admin) == {key: (third, third, at[3], at[3], None)}


def test_more_findings_than_a_statement_takes_are_written_by_several(
    plant, admin, scene, evaluate, monkeypatch
):
    monkeypatch.setattr(findings, "AT_ONCE", 2)
    _, _, finding = scene
    found = [finding(image, advisory) for image in (0, 1) for advisory in ("A-1", "A-2", "A-3")]
    run = evaluate(plant.now, *found[:5])
    assert {key: row[1:2] for key, row in rows(admin).items()} == {
        (("api", "shop")[number // 3], f"A-{number % 3 + 1}"): (run,) for number in range(5)
    }
    assert all(row[-1] is None for row in rows(admin).values())


def test_one_statement_writes_of_images_with_findings_and_without(plant, admin, scene, evaluate):
    """What is found again, what comes back, what is new, and what is found first of an image."""
    _, _, finding = scene
    later, last = plant.now + MINUTE, plant.now + 2 * MINUTE
    first = evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"))
    evaluate(later, finding(0, "A-1"))
    run = evaluate(last, *(finding(0, f"A-{number}") for number in (1, 2, 3)), finding(1, "A-1"))
    assert rows(admin) == {
        ("api", "A-1"): (first, run, plant.now, last, None),
        ("api", "A-2"): (run, run, last, last, None),
        ("api", "A-3"): (run, run, last, last, None),
        ("shop", "A-1"): (run, run, last, last, None),
    }


def test_only_the_evaluated_images_findings_are_closed(plant, admin, scene, evaluate):
    (api, _), _, finding = scene
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), finding(1, "A-1"))
    evaluate(plant.now + MINUTE, finding(0, "A-2"), of=[api])
    closed = {key: row[-1] for key, row in rows(admin).items()}
    assert closed == {("api", "A-1"): plant.now + MINUTE, ("api", "A-2"): None, ("shop", "A-1"): None}


def test_a_run_may_write_its_images_in_several_batches(database, plant, admin, scene):
    (api, shop), _, finding = scene
    run = plant.running(kind=JobKind.POLICY, mode=PolicyMode.FULL)
    with database.begin("acme") as store:
        replace_all(store, run, [api.id], [finding(0, "A-1")], plant.now)
        replace_all(store, run, [shop.id], [finding(1, "A-1")], plant.now)
    assert {row[-1] for row in rows(admin).values()} == {None}


def test_what_a_policy_says_is_brought_up_to_date(database, plant, scene, evaluate):
    (api, _), policy, finding = scene
    evaluate(plant.now, finding(0, "A-1"))
    evaluate(
        plant.now, finding(0, "A-1", match="unknown", severity="low", verdict="warn", rule=None, message=None)
    )
    with database.begin("acme") as store:
        (one,) = store.findings.list_open_of("acme", [api.id])
        assert (one.image_id, one.policy_id, one.advisory_id) == (api.id, policy.policy_id, "A-1")
        assert (one.severity, one.verdict) == ("low", "warn")
        (view,) = store.findings.list_open("acme")
    assert (view.match, view.rule, view.severity, view.verdict) == ("unknown", None, "low", "warn")


def test_open_findings_of_images_leave_out_fixed_ones_and_other_images(database, plant, scene, evaluate):
    (api, shop), _, finding = scene
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), finding(1, "A-3"))
    evaluate(plant.now + MINUTE, finding(0, "A-1"), of=[api])
    with database.begin("acme") as store:
        assert [one.advisory_id for one in store.findings.list_open_of("acme", [api.id])] == ["A-1"]
        assert len(store.findings.list_open_of("acme", [api.id, shop.id])) == 2
        assert store.findings.list_open_of("acme", []) == []
        assert store.findings.count_open_of("acme", []) == []


def test_the_open_findings_of_one_image_are_closed(database, plant, admin, scene, evaluate):
    (api, shop), _, finding = scene
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), finding(1, "A-3"))
    evaluate(plant.now + MINUTE, finding(0, "A-1"), of=[api])
    with database.begin("globex") as store:
        assert store.findings.close_of(api, plant.now) == 0
    with database.begin("acme") as store:
        assert store.findings.close_of(api, plant.now + 2 * MINUTE) == 1
        assert store.findings.close_of(api, plant.now + 3 * MINUTE) == 0
        assert [one.image_id for one in store.findings.list_open_of("acme", [api.id, shop.id])] == [shop.id]
    fixed = {advisory: seen[-1] for (_, advisory), seen in rows(admin).items()}
    assert fixed == {"A-1": plant.now + 2 * MINUTE, "A-2": plant.now + MINUTE, "A-3": None}


def test_the_open_findings_of_one_policy_are_closed(database, plant, admin, scene, evaluate):
    (api, shop), policy, finding = scene
    with database.begin("acme") as store:
        other, _ = store.policies.apply("acme", "other", "o", "0" * 64, "ann", plant.now)
    _, one = finding(0, "A-2")
    theirs = api.id, replace(one, policy_id=other.policy_id, policy_revision=other.revision)
    evaluate(plant.now, finding(0, "A-1"), theirs, finding(1, "A-1"), finding(1, "A-3"))
    evaluate(plant.now + MINUTE, finding(1, "A-1"), of=[shop])
    with database.begin("globex") as store:
        assert store.findings.close_of_policy("globex", policy.policy_id, plant.now) == 0
    with database.begin("acme") as store:
        assert store.findings.close_of_policy("acme", policy.policy_id, plant.now + 2 * MINUTE) == 2
        assert store.findings.close_of_policy("acme", policy.policy_id, plant.now + 3 * MINUTE) == 0
        (left,) = store.findings.list_open_of("acme", [api.id, shop.id])
    assert left.policy_id == other.policy_id
    fixed = {(image, advisory): seen[-1] for (image, advisory), seen in rows(admin).items()}
    removed = plant.now + 2 * MINUTE
    assert fixed == {
        **{("api", "A-1"): removed, ("api", "A-2"): None},
        **{("shop", "A-1"): removed, ("shop", "A-3"): plant.now + MINUTE},
    }


def test_people_see_the_open_findings_of_one_image(database, plant, scene, evaluate):
    (api, shop), _, finding = scene
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), finding(1, "A-3"))
    evaluate(plant.now + MINUTE, finding(0, "A-1"), of=[api])
    with database.begin("acme") as store:
        assert [one.advisory_id for one in store.findings.view_open_of(api)] == ["A-1"]
        assert [*store.findings.view_open_of(api), *store.findings.view_open_of(shop)] == sorted(
            store.findings.list_open("acme"), key=lambda one: one.repository
        )


def test_open_findings_are_counted_by_image_verdict_severity_and_match(database, plant, scene, evaluate):
    (api, shop), _, finding = scene
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), finding(0, "A-3"), finding(1, "A-3"))
    odd = finding(0, "A-3", match="unknown")
    low = {"severity": "low", "verdict": "warn"}
    evaluate(plant.now, finding(0, "A-1"), finding(0, "A-2"), odd, finding(1, "A-1", **low))
    with database.begin("acme") as store:
        assert set(store.findings.count_open_of("acme", [api.id, shop.id])) == {
            OpenCount(api.id, "block", "high", "affected", 2),
            OpenCount(api.id, "block", "high", "unknown", 1),
            OpenCount(shop.id, "warn", "low", "affected", 1),
        }
        assert {one.image_id for one in store.findings.count_open_of("acme", [api.id])} == {api.id}


def test_people_see_the_worst_first(database, plant, scene, evaluate):
    _, policy, finding = scene
    evaluate(
        plant.now,
        finding(0, "A-1", verdict="ignore", severity="critical"),
        finding(0, "A-2", verdict="block", severity="low"),
        finding(0, "A-3", verdict="block", severity="unknown"),
        finding(1, "A-1", verdict="warn", severity="medium"),
        finding(1, "A-2", verdict="block", severity="critical"),
    )
    with database.begin("acme") as store:
        found = store.findings.list_open("acme")
        assert [(one.verdict, one.severity) for one in found] == [
            *(("block", "critical"), ("block", "unknown"), ("block", "low")),
            *(("warn", "medium"), ("ignore", "critical")),
        ]
        assert [one.repository for one in store.findings.list_open("acme", "warn")] == ["shop"]
        assert store.findings.list_open("acme", limit=2) == found[:2]
        of_shop = Selection(repository="sh?p", advisories=("A-2", "A-3"))
        assert store.findings.list_open("acme", "block", of_shop) == [
            one for one in found if one.repository == "shop" and one.advisory_id in ("A-2", "A-3")
        ]
        assert store.findings.list_open("acme", selection=Selection(labels={"no": "such"})) == []
    assert (found[0].registry, found[0].repository, found[0].tag) == ("registry.test", "shop", "1.0")
    assert (found[0].purl, found[0].version, found[0].advisory_id, found[0].policy) == (
        "pkg:npm/lodash@4.0",
        "4.0",
        "A-2",
        policy.name,
    )
    assert (found[0].rule, found[0].first_seen_at) == ("r1", plant.now)


def test_findings_are_locked_in_one_order(database, plant, admin, scene, evaluate):
    _, _, finding = scene
    first, second = finding(0, "A-1"), finding(0, "A-2")
    evaluate(plant.now, first, second)
    lock = "SELECT FROM inventory.findings WHERE advisory_id = %s FOR UPDATE SKIP LOCKED"
    with ThreadPoolExecutor() as executor, admin.transaction():
        assert admin.execute(lock, ["A-1"]).rowcount == 1
        waiting = executor.submit(evaluate, plant.now, second, first)
        while not admin.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
            assert not waiting.done()
        assert admin.execute(lock, ["A-2"]).rowcount == 1
    waiting.result()


def test_policies_have_findings_of_their_own(database, plant, admin, scene, evaluate):
    _, _, finding = scene
    with database.begin("acme") as store:
        other, _ = store.policies.apply("acme", "other", "rules", "a" * 64, "ann", plant.now)
    image_id, ours = finding(0, "A-1")
    theirs = replace(ours, policy_id=other.policy_id, policy_revision=other.revision)
    evaluate(plant.now, (image_id, ours), (image_id, theirs))
    assert admin.execute("SELECT count(*) FROM inventory.findings WHERE fixed_at IS NULL").fetchone() == (2,)


def test_what_is_closed_stays_closed_since_then_and_other_images_are_left(database, plant, admin, scene):
    (api, shop), _, finding = scene
    (_, first), (_, second) = finding(0, "A-1"), finding(0, "A-2")
    runs = [plant.running(kind=JobKind.POLICY, mode=PolicyMode.FULL) for _ in range(2)]
    later = plant.now + MINUTE
    with database.begin("acme") as store:
        store.findings.write(runs[0], {api.id: [first, second], shop.id: [second]}, plant.now)
        store.findings.close(runs[1], {api.id: [second.key]}, later)
        store.findings.close(runs[1], {api.id: [second.key], shop.id: []}, later + MINUTE)
    assert rows(admin) == {
        ("api", "A-1"): (runs[0].id, runs[0].id, plant.now, plant.now, None),
        ("api", "A-2"): (runs[0].id, runs[0].id, plant.now, plant.now, later),
        ("shop", "A-2"): (runs[0].id, runs[0].id, plant.now, plant.now, None),
    }


def test_open_findings_have_the_lines_that_are_made_of_them(database, plant, scene, evaluate):
    (api, shop), _, finding = scene
    odd = {"rule": "é|ü", "message": None, "match": "unknown"}
    found = [finding(0, "A-2", **odd), finding(0, "A-1"), finding(0, "A-3", rule=None, message="Ünï\n\x1f")]
    evaluate(plant.now, *found, finding(1, "A-1"))
    evaluate(plant.now + MINUTE, *found)
    with database.begin("acme") as store:
        kept = store.findings.lines_of("acme", [api.id, shop.id])
        read = store.findings.list_open_of("acme", [api.id])
    assert kept.keys() == {api.id}
    lines = {one.line for _, one in found}
    assert set(kept[api.id].lines) == lines == {one.line for one in read}
    assert kept[api.id].without(lines) == {}
    changed = [*found[:2], finding(0, "A-3", rule=None, message="Ünï")]
    (_, third) = found[2]
    assert kept[api.id].without({one.line for _, one in changed}) == {third.key: Was("high", "block")}
    assert kept[api.id].without(set()).keys() == {one.key for one in read}
