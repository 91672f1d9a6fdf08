"""Whatever is planned, edited, paused or down: of a ledger that the real claim wrote nothing is missing or extra."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound
from resources.states import CalendarMode, CatchUp, DayMatch, OnExcluded, Overlap
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, edit_calendar
from scheduler_defs.edits.schedules import (
    delete_schedule,
    edit_schedule,
    pause_schedule,
    restore_schedule,
    resume_schedule,
)
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.edits.triggers import add_trigger, edit_trigger, remove_trigger, resume_trigger
from scheduler_defs.edits.triggers import pause_trigger as pause_one
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule, OnceRule
from tests.auditing.conftest import NOW, World

MINUTE = timedelta(minutes=1)
minutes = st.integers(min_value=0, max_value=300).map(lambda n: n * MINUTE)
intervals = st.builds(
    IntervalRule,
    st.integers(min_value=3, max_value=90).map(lambda n: n * MINUTE),
    minutes.map(lambda d: NOW + d - 60 * MINUTE),
)
crons = st.builds(
    CronRule,
    st.sampled_from(["*/7 * * * *", "0 * * * *", "30 1,2,12-16 14 * 1", "15 */2 * * 6,0"]),
    st.sampled_from(["UTC", "America/New_York", "Europe/Berlin"]),
    day_match=st.sampled_from(DayMatch),
)
EVENT = "sbom_ingested"
rules = st.one_of(intervals, crons, minutes.map(lambda d: OnceRule(NOW + d)), st.just(EventRule(EVENT)))
terms = st.fixed_dictionaries(
    {},
    optional={
        "jitter": st.sampled_from([timedelta(), 5 * MINUTE, 300 * MINUTE]),
        "calendars": st.sampled_from([[], ["freeze"], ["open"], ["freeze", "open"]]),
        "max_fires": st.sampled_from([None, 1, 2, 5]),
    },
)
bounds = st.fixed_dictionaries(
    {},
    optional={
        "starts_at": st.one_of(st.none(), minutes.map(lambda d: NOW + d)),
        "ends_at": st.one_of(st.none(), minutes.map(lambda d: NOW + 301 * MINUTE + d)),
    },
)
schedules = st.fixed_dictionaries(
    {
        "rules": st.lists(rules, min_size=1, max_size=2),
        "overlap": st.sampled_from([Overlap.ALLOW, Overlap.ALLOW, Overlap.SKIP]),
        "catch_up": st.sampled_from([CatchUp.ALL, CatchUp.ALL, CatchUp.LATEST, CatchUp.NONE]),
        "catch_up_window": st.sampled_from([timedelta(), 20 * MINUTE, 180 * MINUTE]),
        "misfire_grace": st.sampled_from([timedelta(), MINUTE, 60 * MINUTE, 1500 * MINUTE]),
        "max_runs_per_hour": st.sampled_from([None, None, 2]),
        "terms": terms,
    }
)
windows = st.lists(
    st.sampled_from(
        [{"window": "13:00-14:30"}, {"window": "23:00-09:00"}, {"weekdays": ["sat"]}, {"date": "2026-03-15"}]
    ),
    min_size=1,
    max_size=2,
)
calendars = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(CalendarMode),
        "on_excluded": st.sampled_from(OnExcluded),
        "timezone": st.sampled_from(["UTC", "America/New_York"]),
        "entries": windows,
    }
)
edits = st.one_of(
    st.tuples(st.just("tick")),
    st.tuples(st.just("event"), st.integers(1, 3)),
    st.tuples(st.just("serve")),
    st.tuples(st.just("serve")),
    st.tuples(st.sampled_from(["pause", "resume", "delete", "restore"])),
    st.tuples(st.sampled_from(["pause_one", "resume_one", "remove"]), st.integers(0, 2)),
    st.tuples(st.just("edit"), bounds, st.lists(rules, max_size=2), terms),
    st.tuples(st.just("edit_trigger"), st.integers(0, 2), rules),
    st.tuples(st.just("add"), rules, terms),
    st.tuples(st.just("calendar"), st.sampled_from(["freeze", "open"]), calendars),
)
steps = st.lists(st.tuples(st.sampled_from([30, 7, 0, 61, 200, 1500, -40]), edits), min_size=2, max_size=8)


def carry_out(world, now, edit):
    """One edit; what is refused changed nothing."""
    what, *details = edit
    simple = {
        "resume": resume_schedule,
        "delete": delete_schedule,
        "restore": restore_schedule,
    }
    of_trigger = {"pause_one": pause_one, "resume_one": resume_trigger, "remove": remove_trigger}
    if what == "serve":
        for minute in range(60, 0, -6):
            world.tick(now - minute * MINUTE)
    elif what == "tick":
        world.tick(now)
    elif what == "event":
        for number in range(details[0]):
            with world.database.begin(world.tenant) as store:
                store.trigger_events.record(EVENT, now + number * MINUTE / 4, world.tenant)
    elif what == "pause":
        world.edit(now, pause_schedule, "nightly", "freeze")
    elif what in simple:
        world.edit(now, simple[what], "nightly")
    elif what in of_trigger:
        world.edit(now, of_trigger[what], "nightly", trigger_of(world, details[0]))
    elif what == "edit":
        changes, rules, terms = details
        world.edit(now, edit_schedule, "nightly", changes, rules=rules, terms=terms)
    elif what == "edit_trigger":
        world.edit(now, edit_trigger, "nightly", trigger_of(world, details[0]), details[1])
    elif what == "add":
        world.edit(now, add_trigger_with(details[1]), "nightly", details[0])
    else:
        world.edit(now, edit_calendar, details[0], details[1])


def add_trigger_with(terms):
    return lambda store, tenant, name, rule, actor: add_trigger(store, tenant, name, rule, actor, terms)


def trigger_of(world, number):
    with world.database.begin(world.tenant) as store:
        schedule = store.schedules.get_by_name(world.tenant, "nightly")
        triggers = store.triggers.list_of_schedule(world.tenant, schedule.id)
    if not triggers:
        raise NotFound("trigger", number)
    return triggers[number % len(triggers)].id


@pytest.fixture
def property_world(database, admin):
    return World(database, admin)


@examples(
    max_examples=100,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    wanted=schedules, bounds=bounds, freeze=calendars, opened=calendars, walk=steps, cut=st.integers(0, 3000)
)
def test_a_ledger_that_the_claim_wrote_is_whole(property_world, wanted, bounds, freeze, opened, walk, cut):
    world = property_world
    world.tenant = f"t{uuid4()}"
    with world.database.begin_system() as store:
        create_tenant(store, world.tenant, "tests")
    for name, said in (("freeze", freeze), ("open", opened)):
        world.edit(NOW, create_calendar, NewCalendar(name, **said))
    fields = wanted | bounds
    try:
        world.make(*fields.pop("rules"), **fields)
    except InvalidInput:
        return
    now = furthest = NOW
    for distance, edit in walk:
        now += distance * MINUTE
        furthest = max(now, furthest)
        try:
            carry_out(world, now, edit)
        except (InvalidInput, NotFound, IllegalTransition, AlreadyExists):
            continue
    now = furthest + MINUTE
    world.tick(now)
    for after, until in (
        (NOW - 120 * MINUTE, now),
        (NOW + cut * MINUTE, now),
        (NOW - 120 * MINUTE, NOW + cut * MINUTE),
    ):
        if after > until:
            continue
        report = world.audit(after, until, as_of=now, allowance=timedelta())
        assert (report.total.faults["missing"], report.total.faults["extra"], report.unreadable) == (0, 0, 0)
        counted = report.total.fired + sum(report.total.skipped.values()) + report.total.pending
        assert counted == report.total.expected
