"""A removed image: runs leave it out, and it comes back as it was."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.errors import NotFound
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.edits.images import remove_image
from scheduler_defs.ops.launches import close_run

FULL, INCREMENTAL = PolicyMode.FULL, PolicyMode.INCREMENTAL


@pytest.fixture
def shop(world):
    """Two images with one finding each, evaluated."""
    world.image("shop/a", {"flask": "1.0"})
    world.image("shop/b", {"flask": "1.0"})
    world.advisories(world.advisory("A-1", "flask"))
    world.run(JobKind.POLICY, mode=FULL)
    assert found(world) == {"shop/a", "shop/b"}
    return world


def found(world):
    with world.database.begin("acme") as store:
        return {one.repository for one in store.findings.list_open("acme")}


def images(world):
    with world.database.begin("acme") as store:
        return {one.repository: one for one in store.images.select("acme", Selection())}


def remove(world, name):
    with world.database.begin("acme") as store:
        return remove_image(store, store.images.find_named("acme", name, 1)[0], "ann")


def history(admin):
    tables = ("inventory.sboms", "inventory.graphs", "scheduler.runs", "scheduler.policy_jobs")
    tables += ("scheduler.graph_jobs", "scheduler.impact_snapshots", "scheduler.impact_snapshot_images")
    return [admin.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1").fetchall() for table in tables]


def test_runs_leave_a_removed_image_out_and_what_they_found_of_it_stays(shop, admin):
    shop.run(JobKind.GRAPH)
    shop.run(JobKind.IMPACT)
    before = history(admin)
    assert remove(shop, "shop/a") == 1
    assert found(shop) == {"shop/b"}
    assert history(admin) == before
    assert shop.run(JobKind.IMPACT).stats["images"] == 1
    assert shop.run(JobKind.GRAPH).stats["images"] == 1
    for mode in (INCREMENTAL, FULL):
        run = shop.run(JobKind.POLICY, mode=mode)
        assert (run.stats["images"], run.stats["findings"], run.deltas["fixed"]) == (1, 1, 0)


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_an_image_that_is_back_has_its_findings_again(shop, mode):
    before = images(shop)
    remove(shop, "shop/a")
    shop.image("shop/a", {"flask": "1.0"})
    assert images(shop) == before
    run = shop.run(JobKind.POLICY, mode=mode)
    assert run.deltas["new"] == 1
    assert found(shop) == {"shop/a", "shop/b"}
    assert shop.run(JobKind.POLICY, mode=INCREMENTAL).stats["unchanged"] == 2


def test_an_image_without_findings_that_is_back_is_unchanged(shop):
    shop.image("shop/a", {"flask": "1.0"})
    shop.image("shop/c", {"werkzeug": "1.0"})
    shop.run(JobKind.POLICY, mode=INCREMENTAL)
    assert remove(shop, "shop/c") == 0
    shop.image("shop/c", {"werkzeug": "1.0"})
    assert shop.run(JobKind.POLICY, mode=INCREMENTAL).stats["unchanged"] == 3


def test_a_removal_waits_for_the_chunk_that_is_being_written(shop, admin):
    with ThreadPoolExecutor() as executor, shop.database.begin("acme") as store:
        store.policy_jobs.lock("acme")
        waiting = executor.submit(remove, shop, "shop/a")
        while not admin.execute("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'").rowcount:
            assert not waiting.done()
        assert images(shop).keys() == {"shop/a", "shop/b"}
    assert waiting.result() == 1
    assert found(shop) == {"shop/b"}


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_a_run_writes_nothing_of_an_image_that_is_removed_meanwhile(shop, monkeypatch, mode):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    shop.advisories(shop.advisory("A-2", "flask"))
    opened, removed = shop.opened(JobKind.POLICY, mode=mode), []

    def say(level, message):
        if message == "looked at 1 of 2 images":
            removed.append(remove(shop, "shop/b"))

    outcome = shop.carry(opened, say)
    assert close_run(shop.database, outcome)
    assert removed == [1]
    assert outcome.result.stats["evaluated"] == 1
    assert found(shop) == {"shop/a"}


def test_an_image_that_holds_nothing_any_more_is_not_found(shop):
    image = images(shop)["shop/a"]
    remove(shop, "shop/a")
    with pytest.raises(NotFound, match="shop/a:1"), shop.database.begin("acme") as store:
        remove_image(store, image, "ann")
