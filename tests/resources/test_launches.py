"""Table launches: offered until acknowledged, taken once."""

from datetime import timedelta

import pytest

from resources.errors import IllegalTransition, NotFound, StaleAttempt
from resources.ids import new_id
from resources.records import Offer
from resources.states import JobKind, LaunchState, TriggerKind

MINUTE = timedelta(minutes=1)


def offered(database, at, owner="here", limit=10):
    with database.begin_system() as store:
        return [offer.id for offer in store.launches.offer(owner, at, MINUTE, limit)]


def test_an_offer_says_what_the_tags_of_its_dagster_run_say(database, plant):
    fired = plant.fired(plant.trigger(plant.schedule("nightly")), plant.now)
    runs = [fired, plant.run(), plant.run("globex")]
    launch = plant.launch(*runs)
    with database.begin_system() as store:
        (offer,) = store.launches.offer("here", plant.now, MINUTE, 10)
    assert offer == Offer(
        id=launch,
        kind=JobKind.GRAPH,
        run_count=3,
        tenants=["acme", "globex"],
        runs=sorted(run.id for run in runs),
        schedules=["nightly"],
        trigger_kinds=[TriggerKind.INTERVAL, TriggerKind.MANUAL],
    )


def test_a_launch_is_offered_again_only_when_its_lease_is_over(database, plant):
    launch = plant.launch(plant.run())
    assert offered(database, plant.now) == [launch]
    assert offered(database, plant.now + MINUTE - timedelta(microseconds=1)) == []
    assert offered(database, plant.now + MINUTE) == [launch]
    with database.begin_system() as store:
        found = store.launches.get(launch)
    assert (found.offers, found.offered_at, found.state) == (2, plant.now + MINUTE, LaunchState.OFFERED)


def test_an_owner_is_offered_its_own_launches_never_offered_ones_first(database, plant):
    first, second, theirs = (plant.launch(plant.run(), owner=owner) for owner in ("here", "here", "there"))
    assert offered(database, plant.now, limit=1) == [min(first, second)]
    assert offered(database, plant.now + MINUTE, limit=1) == [max(first, second)]
    assert offered(database, plant.now, owner="there") == [theirs]


def test_what_another_tick_is_offering_is_left_to_it(database, plant):
    launch = plant.launch(plant.run())
    with database.begin_system() as first, database.begin_system() as second:
        assert [offer.id for offer in first.launches.offer("here", plant.now, MINUTE, 10)] == [launch]
        assert second.launches.offer("here", plant.now, MINUTE, 10) == []


def test_one_dagster_run_takes_a_launch(database, plant):
    launch = plant.launch(plant.run())
    with database.begin_system() as store:
        store.launches.acknowledge(launch, "d1", plant.now)
        for again in ("d2", "d1"):
            with pytest.raises(IllegalTransition, match="is acknowledged; it cannot become acknowledged"):
                store.launches.acknowledge(launch, again, plant.now)
        found = store.launches.get(launch)
    assert (found.state, found.dagster_run_id, found.acknowledged_at) == (
        *(LaunchState.ACKNOWLEDGED, "d1", plant.now),
    )
    assert offered(database, plant.now + MINUTE) == []


def test_only_the_dagster_run_that_took_a_launch_finishes_it_once(database, plant):
    launch = plant.launch(plant.run())
    with database.begin_system() as store:
        with pytest.raises(IllegalTransition, match="is offered; it cannot become finished"):
            store.launches.finish(launch, "d1", plant.now)
        store.launches.acknowledge(launch, "d1", plant.now)
        with pytest.raises(StaleAttempt, match="Dagster run d2 is not the current one"):
            store.launches.finish(launch, "d2", plant.now)
        store.launches.finish(launch, "d1", plant.now + MINUTE)
        with pytest.raises(IllegalTransition, match="is finished"):
            store.launches.finish(launch, "d1", plant.now)
        found = store.launches.get(launch)
    assert (found.state, found.finished_at) == (LaunchState.FINISHED, plant.now + MINUTE)


def test_unknown_launches_are_not_found(database, tenant):
    with database.begin_system() as store:
        now, unknown = store.now(), new_id()
        for ask in (
            lambda: store.launches.get(unknown),
            lambda: store.launches.acknowledge(unknown, "d", now),
            lambda: store.launches.finish(unknown, "d", now),
            lambda: store.launches.bury(unknown, now),
        ):
            with pytest.raises(NotFound, match="launch"):
                ask()


def test_what_dagster_should_know_by_now_is_listed(database, plant):
    old, fresh, taken, dead = (plant.launch(plant.run()) for _ in range(4))
    new, theirs = plant.launch(plant.run()), plant.launch(plant.run(), owner="there")
    with database.begin_system() as store:
        store.launches.acknowledge(taken, "d1", plant.now)
        store.launches.bury(dead, plant.now)
    assert offered(database, plant.now, limit=1) == [old]
    assert offered(database, plant.now + timedelta(seconds=1), limit=1) == [fresh]
    assert offered(database, plant.now, owner="there") == [theirs]
    with database.begin_system() as store:
        assert {one.id for one in store.launches.list_open("here", plant.now, 10)} == {old, taken}
        assert len(store.launches.list_open("here", plant.now, 1)) == 1
        assert new not in {one.id for one in store.launches.list_open("here", plant.now + MINUTE, 10)}


def test_a_launch_that_has_not_ended_can_be_buried_once(database, plant):
    offered_one, taken, finished = (plant.launch(plant.run()) for _ in range(3))
    with database.begin_system() as store:
        for launch in (taken, finished):
            store.launches.acknowledge(launch, "d1", plant.now)
        store.launches.finish(finished, "d1", plant.now)
        for one in (offered_one, taken):
            store.launches.bury(one, plant.now)
        for one, state in ((offered_one, "dead"), (taken, "dead"), (finished, "finished")):
            with pytest.raises(IllegalTransition, match=f"is {state}; it cannot become dead"):
                store.launches.bury(one, plant.now + MINUTE)
        assert store.launches.get(taken).finished_at == plant.now
        with pytest.raises(IllegalTransition, match="is dead; it cannot become acknowledged"):
            store.launches.acknowledge(offered_one, "d1", plant.now)


def test_what_a_clock_offered_that_was_set_back_since_is_offered_and_listed_at_once(database, plant):
    launch = plant.launch(plant.run())
    assert offered(database, plant.now + 60 * MINUTE) == [launch]
    assert offered(database, plant.now + 59 * MINUTE) == [], "no more than a lease ahead"
    with database.begin_system() as store:
        assert [one.id for one in store.launches.list_open("here", plant.now, 10)] == [launch]
    assert offered(database, plant.now) == [launch]
    assert offered(database, plant.now + timedelta(seconds=59)) == []


def test_launches_of_an_owner_that_fell_silent_are_orphaned(database, plant):
    launch = plant.launch(plant.run(), owner="lost")
    plant.launch(plant.run(), owner="heard")
    silent_for, later = timedelta(minutes=2), plant.now + timedelta(minutes=3)
    with database.begin_system() as store:
        store.launches.see_owner("lost", plant.now)
        store.launches.see_owner("heard", plant.now)
        store.launches.see_owner("heard", later)
        assert store.launches.list_orphaned(plant.now, silent_for) == []
        assert [one.id for one in store.launches.list_orphaned(later, silent_for)] == [launch]
        assert store.launches.list_orphaned(later, silent_for, limit=0) == []
        store.launches.acknowledge(launch, "d", later)
        assert store.launches.list_orphaned(later, silent_for) == []


def test_an_owner_is_seen_every_few_seconds_and_also_by_a_clock_that_was_set_back(database, admin, plant):
    def seen_at(now):
        with database.begin_system() as store:
            store.launches.see_owner("here", now)
        return admin.execute("SELECT last_seen_at FROM scheduler.instances").fetchone()[0]

    second = timedelta(seconds=1)
    assert seen_at(plant.now) == plant.now
    assert seen_at(plant.now + 4 * second) == plant.now
    assert seen_at(plant.now + 6 * second) == plant.now + 6 * second
    assert seen_at(plant.now - second) == plant.now - second
