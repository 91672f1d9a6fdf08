"""Reports of what was missed while nothing ran, of bounds, of clocks that jump, and of herds."""

from uuid import UUID, uuid5

import pytest

from resources.errors import InvalidInput
from resources.states import CatchUp
from scheduler_defs.edits.schedules import delete_schedule, edit_schedule, pause_schedule, resume_schedule
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.rules import CronRule, OnceRule
from tests.replays.conftest import DAY, MINUTE, SECOND, at, told


def test_a_night_without_power_leaves_one_run_and_one_row(make, tick, ledger):
    """kubernetes/kubernetes#42649: after a night without the cluster a job was refused for good, since more than a
    hundred of its times had been missed."""
    make(CronRule("* * * * *"), at=at("2017-03-06T20:00Z"))
    tick(at("2017-03-07T08:00:30Z"))
    assert told(ledger()) == [
        ("missed", at("2017-03-06T20:01Z"), at("2017-03-07T07:59Z"), 719),
        ("queued", at("2017-03-07T08:00Z")),
    ]
    tick(at("2017-03-07T08:01Z"))
    assert told(ledger())[2:] == [("queued", at("2017-03-07T08:01Z"))]


def test_a_device_that_was_off_runs_its_job_once_and_not_twelve_times(make, tick, ledger):
    """node-schedule/node-schedule#431: a device that had been without power for an hour ran a job of every five
    minutes twelve times in quick succession when its clock was set."""
    make(CronRule("*/5 * * * *"), at=at("2018-03-19T10:00Z"))
    tick(at("2018-03-19T11:02:30Z"))
    tick(at("2018-03-19T11:02:31Z"))
    assert told(ledger()) == [
        ("missed", at("2018-03-19T10:05Z"), at("2018-03-19T10:55Z"), 11),
        ("queued", at("2018-03-19T11:00Z")),
    ]


def test_the_first_time_of_a_job_may_be_missed_too(make, tick, ledger, read):
    """HangfireIO/Hangfire#546: a yearly job whose very first time fell into a downtime was not caught up, but put
    off by a year."""
    make(CronRule("10 12 10 4 *"), at=at("2016-04-10T12:00Z"))
    tick(at("2016-04-10T12:15Z"))
    assert told(ledger()) == [("queued", at("2016-04-10T12:10Z"))]
    assert read()[1][0].next_fire_at == at("2017-04-10T12:10Z")


def test_every_hour_of_a_downtime_is_caught_up_when_all_are_wanted(make, tick, ledger):
    """neochaotic/leoflow#129: ten hours without a leader were followed by one run, and nine were lost without a
    trace."""
    make(CronRule("0 * * * *"), catch_up=CatchUp.ALL, at=at("2026-05-28T00:30Z"))
    tick(at("2026-05-28T10:30Z"))
    assert told(ledger()) == [("queued", at(f"2026-05-28T{hour:02}:00Z")) for hour in range(1, 11)]


def test_catching_up_is_bounded_and_gives_no_duplicates(make, tick, ledger):
    """dagucloud/dagu#1180: runs are lost while the scheduler is down; asked for is a catch-up that looks back so far
    and no further, and starts no time twice."""
    make(CronRule("0 * * * *"), catch_up=CatchUp.ALL, catch_up_window=DAY, at=at("2025-08-10T00:30Z"))
    tick(at("2025-08-13T00:30Z"))
    tick(at("2025-08-13T00:30:01Z"))
    skipped, *fired = told(ledger())
    assert skipped == ("missed", at("2025-08-10T01:00Z"), at("2025-08-12T00:00Z"), 48)
    first, last = at("2025-08-12T01:00Z"), at("2025-08-13T00:00Z")
    assert (len(fired), fired[0], fired[-1]) == (24, ("queued", first), ("queued", last))
    assert len({instant for _, instant in fired}) == 24


def test_nothing_after_the_end_starts_however_late_it_is_looked_at(make, edit, tick, ledger, read):
    """OpenBMB/StaffDeck#181: the end of a task was looked at only after an overdue run beyond it had been executed."""
    make(CronRule("0 * * * *"), at=at("2026-08-17T09:30Z"))
    edit(edit_schedule, {"ends_at": at("2026-08-17T10:30Z")}, now=at("2026-08-17T09:45Z"))
    tick(at("2026-08-17T11:00:30Z"))
    tick(at("2026-08-17T12:00:30Z"))
    assert told(ledger()) == [("queued", at("2026-08-17T10:00Z"))]
    assert read()[1][0].next_fire_at is None


def test_the_last_day_counts(make, tick, ledger):
    """quartznet/quartznet#2671: a daily report until a given day at noon was not made on that day."""
    rule = CronRule("0 12 * * *", "Europe/Berlin")
    make(rule, ends_at=at("2024-12-17T12:00+01:00"), at=at("2024-12-15T12:00Z"))
    for day in (16, 17, 18):
        tick(at(f"2024-12-{day}T11:00Z"))
    assert told(ledger()) == [("queued", at("2024-12-16T11:00Z")), ("queued", at("2024-12-17T11:00Z"))]


def test_a_time_that_has_passed_is_refused_instead_of_never_running(make):
    """mesos/chronos#699: a job that was to run once, at a time in the past, was accepted and never ran."""
    with pytest.raises(InvalidInput) as refused:
        make(OnceRule(at("2016-06-01T11:00Z")), at=at("2016-07-01T11:00Z"))
    assert refused.value.field == "at"


def test_a_clock_that_is_set_back_repeats_nothing(make, tick, ledger):
    """agronholm/apscheduler#351: with the clock set back by two minutes a job of every ten seconds paused until the
    clock had come by again."""
    make(CronRule("*/10 * * * * *"), at=at("2018-12-20T17:30:05Z"))
    for now in ("17:30:10", "17:28:10", "17:28:20", "17:30:10", "17:30:20"):
        tick(at(f"2018-12-20T{now}Z"))
    assert told(ledger()) == [
        ("queued", at("2018-12-20T17:30:10Z")),
        ("queued", at("2018-12-20T17:30:20Z")),
    ]


def test_a_clock_that_was_wrong_for_a_while_gives_nothing_two_rows(make, edit, tick, ledger, read):
    """sidekiq-scheduler/sidekiq-scheduler#283: a clock set to the future started all jobs at once, and when it was
    set to the past they never ran again."""
    make(CronRule("0 6 * * *"), at=at("2019-07-25T12:00Z"))
    tick(at("2019-08-24T12:00Z"))
    assert told(ledger()) == [("missed", at("2019-07-26T06:00Z"), at("2019-08-23T06:00Z"), 29),
                              ("queued", at("2019-08-24T06:00Z"))]  # fmt: skip
    tick(at("2019-07-26T06:00Z"))
    assert len(ledger()) == 2
    assert read()[1][0].next_fire_at == at("2019-08-25T06:00Z")
    edit(pause_schedule, "the clock was wrong", now=at("2019-07-26T08:00Z"))
    edit(resume_schedule, now=at("2019-07-26T08:00Z"))
    assert read()[1][0].next_fire_at == at("2019-08-25T06:00Z")
    edit(delete_schedule)
    make(CronRule("0 6 * * *"), at=at("2019-07-26T08:00Z"))
    tick(at("2019-07-27T06:00Z"))
    assert ("queued", at("2019-07-27T06:00Z")) in told(ledger())


def test_jitter_spreads_a_herd_and_keeps_each_ones_rhythm():
    """kubernetes/test-infra#12148: hundreds of periodic jobs of one rhythm start in the same second, and users ask
    for jitter."""
    herd = [uuid5(UUID(int=0), str(number)) for number in range(400)]
    window = 10 * MINUTE
    offsets = [offset_of(one, window) for one in herd]
    assert offsets == [offset_of(one, window) for one in herd]
    assert all(0 * SECOND <= one < window for one in offsets)
    a_minute = [
        sum(minute * MINUTE <= one < (minute + 1) * MINUTE for one in offsets) for minute in range(10)
    ]
    assert min(a_minute) >= 20
    assert max(a_minute) <= 60
