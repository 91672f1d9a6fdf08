"""Lists of runs: their filters, their pages both ways, what waits, and counts by state."""

from datetime import timedelta

import pytest

from resources.errors import InvalidInput
from resources.states import JobKind, RunState, TriggerKind

MINUTE = timedelta(minutes=1)


@pytest.fixture
def paged(database):
    """paged(limit, **filters) reads every page onwards, then back to the first; returns both walks."""

    def walk(limit, **filters):
        with database.begin("acme") as store:
            page = store.runs.list("acme", limit=limit, **filters)
            onwards = [page]
            while page.next_cursor:
                page = store.runs.list("acme", limit=limit, cursor=page.next_cursor, **filters)
                onwards.append(page)
            back = [page]
            while page.previous_cursor:
                page = store.runs.list("acme", limit=limit, cursor=page.previous_cursor, **filters)
                back.append(page)
        return [page.items for page in onwards], [page.items for page in reversed(back)]

    return walk


def newest_first(runs):
    return sorted(runs, key=lambda run: (run.scheduled_for, run.id), reverse=True)


def cut(runs, limit):
    return [runs[start : start + limit] for start in range(0, len(runs), limit)]


def test_lists_filter_and_come_newest_first(database, plant):
    trigger = plant.trigger(plant.schedule())
    manual, impact = plant.run(), plant.run(kind=JobKind.IMPACT, scheduled_for=plant.now - MINUTE)
    fired = plant.fired(trigger, plant.now + MINUTE)
    running = plant.running()
    plant.run("globex")
    everything = newest_first((manual, impact, fired, running))
    assert everything[0] == fired
    assert everything[3] == impact
    with database.begin("acme") as store:

        def listed(**filters):
            return store.runs.list("acme", **filters).items

        assert listed() == everything
        assert listed(limit=2) == everything[:2]
        assert listed(states=[RunState.RUNNING]) == [running]
        assert listed(states=[RunState.PENDING, RunState.RUNNING, RunState.PENDING]) == everything
        assert listed(states=[RunState.FAILED]) == []
        assert listed(kind=JobKind.IMPACT) == [impact]
        assert listed(trigger_kind=TriggerKind.INTERVAL) == [fired]
        assert listed(schedule_id=trigger.schedule_id) == [fired]
        assert listed(since=plant.now, until=plant.now + MINUTE) == newest_first((manual, running))
        assert listed(since=plant.now + MINUTE) == [fired]
        assert listed(until=plant.now) == [impact]
        assert listed(states=[RunState.PENDING], kind=JobKind.GRAPH, until=plant.now + MINUTE) == [manual]
        assert store.runs.list("globex").items == []


@pytest.mark.parametrize("filters", [{}, {"states": [RunState.PENDING]}, {"kind": JobKind.GRAPH}])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_lead_both_ways_over_every_run_once(paged, plant, limit, filters):
    runs = newest_first([plant.run(scheduled_for=plant.now + n // 3 * MINUTE) for n in range(7)])
    assert paged(limit, **filters) == (cut(runs, limit), cut(runs, limit))


def test_pages_of_some_states_are_merged_in_order(paged, plant):
    runs = [plant.run(scheduled_for=plant.now + n * MINUTE) for n in range(6)]
    for run in runs[::2]:
        plant.launch(run)
    states = [RunState.QUEUED, RunState.PENDING]
    onwards, back = paged(2, states=states)
    assert [run.id for page in onwards for run in page] == [run.id for run in reversed(runs)]
    assert back == onwards


def test_a_run_written_meanwhile_neither_repeats_nor_hides_another(database, plant):
    runs = newest_first([plant.run(scheduled_for=plant.now + n * MINUTE) for n in range(4)])
    with database.begin("acme") as store:
        first = store.runs.list("acme", limit=2)
    newer = plant.run(scheduled_for=plant.now + timedelta(days=1))
    with database.begin("acme") as store:
        second = store.runs.list("acme", limit=2, cursor=first.next_cursor)
        assert second.items == runs[2:]
        again = store.runs.list("acme", limit=2, cursor=second.previous_cursor)
        assert again.items == runs[:2]
        assert store.runs.list("acme", limit=2, cursor=again.previous_cursor).items == [newer]


def test_a_cursor_of_other_filters_or_of_another_list_is_refused(database, plant):
    for _ in range(3):
        plant.run()
    with database.begin("acme") as store:
        cursor = store.runs.list("acme", limit=1).next_cursor
        for filters in ({"kind": JobKind.GRAPH}, {"since": plant.now}, {"states": [RunState.PENDING]}):
            with pytest.raises(InvalidInput, match="cursor"):
                store.runs.list("acme", limit=1, cursor=cursor, **filters)
        with pytest.raises(InvalidInput, match="a cursor that this list returned"):
            store.runs.get_pending("acme", limit=1, cursor=cursor)
        with pytest.raises(InvalidInput, match="limit: 1001 is not valid"):
            store.runs.list("acme", limit=1001)


def test_the_newest_runs_of_a_schedule(database, plant):
    trigger = plant.trigger(plant.schedule())
    runs = [plant.fired(trigger, plant.now + n * MINUTE) for n in (1, 0, 2)]
    plant.fired(plant.trigger(plant.schedule("other")), plant.now)
    with database.begin("acme") as store:
        assert store.runs.get_by_schedule("acme", trigger.schedule_id) == newest_first(runs)
        assert store.runs.get_by_schedule("acme", trigger.schedule_id, 2) == newest_first(runs)[:2]
    with database.begin("globex") as store:
        assert store.runs.get_by_schedule("globex", trigger.schedule_id) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_what_waits_comes_in_the_order_it_is_claimed(database, plant, limit):
    wanted = [(5, 1), (5, 1), (5, 2), (0, 0), (0, 0), (0, 3), (-1, 0)]
    runs = [plant.run(priority=p, scheduled_for=plant.now + n * MINUTE) for p, n in reversed(wanted)]
    plant.running(priority=9)
    plant.run("globex")
    pages, cursor = [], None
    with database.begin("acme") as store:
        while cursor or not pages:
            page = store.runs.get_pending("acme", cursor=cursor, limit=limit)
            pages, cursor = [*pages, page.items], page.next_cursor
    assert pages == cut(sorted(runs, key=lambda run: (-run.priority, run.scheduled_for, run.id)), limit)


def test_runs_are_counted_by_state_in_a_period(database, plant):
    none = dict.fromkeys(RunState, 0)
    plant.run(scheduled_for=plant.now + MINUTE)
    plant.run()
    plant.running()
    plant.run("globex")
    with database.begin("acme") as store:
        assert store.runs.count_by_state("acme") == none | {RunState.PENDING: 2, RunState.RUNNING: 1}
        assert store.runs.count_by_state("acme", since=plant.now + MINUTE) == none | {RunState.PENDING: 1}
        assert store.runs.count_by_state("acme", until=plant.now + MINUTE) == none | {
            RunState.PENDING: 1,
            RunState.RUNNING: 1,
        }
        assert store.runs.count_by_state("acme", plant.now, plant.now) == none
        assert store.runs.count_by_state("globex") == none
