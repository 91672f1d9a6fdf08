"""Reports of the night on which an hour comes twice, and of clocks that are not of whole hours."""

import time

import pytest

from resources.states import DstGap, DstOverlap
from scheduler_defs.timing.rules import CronRule, fires, next_fire
from tests.replays.conftest import HOUR, SECOND, at, check_fires, told


@pytest.fixture
def machine_in_london(monkeypatch):
    """This process has the local time of London."""
    monkeypatch.setenv("TZ", "Europe/London")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_in_the_gap_fires_and_one_in_the_overlap_fires_once(make, tick, ledger):
    """kelektiv/node-cron#563: 2:30 was left out when the clocks went forward, and 1:30 fired twice when they went
    back."""
    check_fires(
        CronRule("30 2 * * *", "America/New_York"),
        "2021-03-13T12:00Z",
        "2021-03-14T07:00Z",
        "2021-03-15T06:30Z",
    )
    make(CronRule("30 1 * * *", "America/New_York"), at=at("2021-11-06T12:00Z"))
    for due in (at("2021-11-07T05:30Z"), at("2021-11-07T06:30Z"), at("2021-11-08T06:30Z")):
        tick(due)
    assert told(ledger()) == [("queued", at("2021-11-07T05:30Z")), ("queued", at("2021-11-08T06:30Z"))]


def test_a_list_of_minutes_and_hours_never_goes_back_after_the_change():
    """apache/airflow#35272: after the change the next run of quarter hours by day lay alternately after and before
    the last one, and nothing was started any more."""
    rule = CronRule("0,15,30,45 6-22 * * *", "Europe/Brussels")
    check_fires(rule, "2023-10-28T20:40Z", "2023-10-28T20:45Z", "2023-10-29T05:00Z", "2023-10-29T05:15Z")


def test_half_past_every_hour_goes_on_after_the_repeated_hour():
    """agronholm/apscheduler#1021: from within the second pass of the repeated hour a cron found the same instant
    again and again."""
    rule = CronRule("30 * * * *", "Europe/Helsinki")
    check_fires(rule, "2017-10-29T01:45Z", "2017-10-29T02:30Z", "2017-10-29T03:30Z")
    check_fires(rule, "2017-10-29T00:00Z", "2017-10-29T00:30Z", "2017-10-29T01:30Z", "2017-10-29T02:30Z")


def test_every_second_hour_beginning_in_the_repeated_one_is_no_loop():
    """agronholm/apscheduler#980: every second hour from one o'clock stood still at the second one o'clock, and the
    scheduler span."""
    rule = CronRule("0 1-23/2 * * *", "Europe/London")
    check_fires(rule, "2024-10-26T22:30Z", "2024-10-27T00:00Z", "2024-10-27T03:00Z", "2024-10-27T05:00Z")
    wild = CronRule("0 1-23/2 * * *", "Europe/London", overlap=DstOverlap.BOTH)
    check_fires(wild, "2024-10-26T22:30Z", "2024-10-27T00:00Z", "2024-10-27T01:00Z", "2024-10-27T03:00Z")


def test_a_daily_job_has_each_day_around_the_change():
    """dagster-io/dagster#17489: a daily schedule went from the 29th to the 31st when the day of the change lay
    between."""
    rule = CronRule("0 0 * * *", "Europe/Berlin")
    check_fires(rule, "2023-10-27T22:00Z", "2023-10-28T22:00Z", "2023-10-29T23:00Z", "2023-10-30T23:00Z")


def test_an_hourly_job_fires_in_both_passes_of_the_repeated_hour():
    """dagster-io/dagster#17547: an hourly schedule had no tick in one of the two passes of the repeated hour."""
    rule = CronRule("0 * * * *", "America/Chicago")
    check_fires(
        rule,
        "2019-11-03T05:00Z",
        *("2019-11-03T06:00Z", "2019-11-03T07:00Z", "2019-11-03T08:00Z", "2019-11-03T09:00Z"),
    )


def test_an_hour_of_elapsed_time_is_never_lost():
    """Steve-Mcl/node-red-contrib-cron-plus#108: jobs of every 15 seconds paused for the whole repeated hour."""
    rule = CronRule("*/15 * * * * *", "Europe/London")
    since = at("2025-10-26T00:59:45Z")
    found = fires(rule, since, since + HOUR, 1000)
    assert found == [since + quarters * 15 * SECOND for quarters in range(1, 241)]


def test_an_evening_job_stays_in_the_evening():
    """pallets-eco/croniter#25: when counting began in the night of the change, eight in the evening became nine on
    the day after."""
    rule = CronRule("00 20 * * *", "Europe/Paris")
    check_fires(rule, "2022-10-29T22:00Z", "2022-10-30T19:00Z", "2022-10-31T19:00Z", "2022-11-01T19:00Z")


def test_a_job_in_utc_does_not_know_the_machines_clock_changes(machine_in_london):
    """cronie-crond/cronie#124: on a machine in London, jobs of half past one in UTC never ran in the night on which
    the clocks of London went back."""
    assert time.localtime(at("2022-10-30T00:30Z").timestamp()).tm_hour == 1
    assert next_fire(CronRule("30 1 * * *"), at("2022-10-29T23:50:54Z")) == at("2022-10-30T01:30Z")
    assert next_fire(CronRule("0 1 * * *"), at("2022-10-29T23:50:54Z")) == at("2022-10-30T01:00Z")


@pytest.mark.parametrize(
    ("gap", "overlap", "spring", "autumn"),
    [
        (None, None, ["2026-03-29T01:00Z"], ["2026-10-25T00:30Z"]),
        (DstGap.SHIFT, DstOverlap.SECOND, ["2026-03-29T01:00Z"], ["2026-10-25T01:30Z"]),
        (DstGap.SKIP, DstOverlap.BOTH, [], ["2026-10-25T00:30Z", "2026-10-25T01:30Z"]),
    ],
)
def test_what_happens_in_the_gap_and_the_overlap_can_be_chosen(gap, overlap, spring, autumn):
    """temporalio/temporal#8205: a time of that night may run never, once or twice, and users ask to choose which."""
    rule = CronRule("30 2 * * *", "Europe/Berlin", gap, overlap)
    assert fires(rule, at("2026-03-29T00:00Z"), at("2026-03-29T22:00Z"), 9) == [at(one) for one in spring]
    assert fires(rule, at("2026-10-24T22:00Z"), at("2026-10-25T22:00Z"), 9) == [at(one) for one in autumn]


def test_an_hour_begins_when_the_local_clock_says_so():
    """dagster-io/dagster#33448: hourly ticks of a zone that is half an hour off fell on its half hours."""
    check_fires(
        CronRule("0 * * * *", "Asia/Kolkata"), "2026-02-17T12:00Z", "2026-02-17T12:30Z", "2026-02-17T13:30Z"
    )
