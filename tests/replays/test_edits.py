"""Reports of edits, pauses and resumes that fire what has passed."""

from scheduler_defs.edits.schedules import edit_schedule, pause_schedule, resume_schedule
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.rules import CronRule, IntervalRule
from tests.replays.conftest import MINUTE, SECOND, at, told


def test_an_edit_on_the_evening_before_does_not_fire_last_weeks_time(make, edit, tick, ledger):
    """kubernetes/kubernetes#57853: a weekly job whose time was moved on Thursday night, from 11:30 to 11:00 of Friday,
    ran at once."""
    make(CronRule("30 11 * * 5"), at=at("2017-12-29T00:00Z"))
    tick(at("2017-12-29T11:30Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 11 * * 5")], now=at("2018-01-04T23:49Z"))
    for now in ("2018-01-04T23:49:10Z", "2018-01-05T10:59Z", "2018-01-05T11:00Z", "2018-01-05T11:30Z"):
        tick(at(now))
    assert told(ledger()) == [("queued", at("2017-12-29T11:30Z")), ("queued", at("2018-01-05T11:00Z"))]


def test_an_edit_to_a_time_between_the_last_run_and_now_does_not_fire(make, edit, tick, ledger):
    """kubernetes/kubernetes#65457: a job ran at once when its new time lay between its last run and the edit."""
    make(CronRule("0 6 * * *"), at=at("2018-06-26T00:00Z"))
    tick(at("2018-06-26T06:00Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 9 * * *")], now=at("2018-06-26T15:00Z"))
    tick(at("2018-06-26T15:00:10Z"))
    tick(at("2018-06-27T06:00Z"))
    tick(at("2018-06-27T09:00Z"))
    assert told(ledger()) == [("queued", at("2018-06-26T06:00Z")), ("queued", at("2018-06-27T09:00Z"))]


def test_the_old_time_of_the_day_of_the_edit_does_not_fire_either(make, edit, tick, ledger):
    """kubernetes/kubernetes#130838: a job moved from 23:00 to 05:00 in the daytime ran at 23:00 once more."""
    make(CronRule("0 23 * * *"), at=at("2025-03-13T12:00Z"))
    tick(at("2025-03-13T23:00Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 5 * * *")], now=at("2025-03-14T12:00Z"))
    tick(at("2025-03-14T23:00Z"))
    tick(at("2025-03-15T05:00Z"))
    assert told(ledger()) == [("queued", at("2025-03-13T23:00Z")), ("queued", at("2025-03-15T05:00Z"))]


def test_an_hour_later_of_the_same_day_does_not_fire_in_the_afternoon(make, edit, tick, ledger):
    """HangfireIO/Hangfire#728: a daily job of 01:00 that became one of 02:00 at 15:00 ran at 15:00."""
    make(CronRule("0 1 * * *"), at=at("2016-11-14T00:00Z"))
    tick(at("2016-11-14T01:00Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 2 * * *")], now=at("2016-11-14T15:00Z"))
    tick(at("2016-11-14T15:00Z"))
    tick(at("2016-11-15T02:00Z"))
    assert told(ledger()) == [("queued", at("2016-11-14T01:00Z")), ("queued", at("2016-11-15T02:00Z"))]


def test_a_deployed_change_of_a_cron_backfills_nothing(make, edit, tick, ledger):
    """dagster-io/dagster#13597: a flow of 01:15 that was changed to 02:15, hours after it had run, ran again when the
    change was deployed."""
    make(CronRule("15 1 * * 1-5"), at=at("2023-04-13T00:00Z"))
    tick(at("2023-04-13T01:15Z"))
    edit(edit_schedule, {}, rules=[CronRule("15 2 * * 1-5")], now=at("2023-04-13T14:00Z"))
    tick(at("2023-04-13T14:00:30Z"))
    tick(at("2023-04-14T02:15Z"))
    assert told(ledger()) == [("queued", at("2023-04-13T01:15Z")), ("queued", at("2023-04-14T02:15Z"))]


def test_a_job_put_off_before_its_time_fires_at_the_new_time_alone(make, edit, tick, ledger):
    """celery/django-celery-beat#683: a daily job of 13:30, put off to 16:00 at noon, was sent when it was saved."""
    make(CronRule("30 13 * * *"), at=at("2023-10-02T12:00Z"))
    tick(at("2023-10-02T13:30Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 16 * * *")], now=at("2023-10-03T12:20Z"))
    for now in ("2023-10-03T12:20:05Z", "2023-10-03T13:30Z", "2023-10-03T16:00Z"):
        tick(at(now))
    assert told(ledger()) == [("queued", at("2023-10-02T13:30Z")), ("queued", at("2023-10-03T16:00Z"))]


def test_another_timezone_plans_anew_and_fires_nothing(make, edit, tick, ledger):
    """celery/celery#3219: a monthly job of the first ran on the seventeenth, when the handling of time zones was
    switched on."""
    make(CronRule("0 5 1 * *"), at=at("2016-04-30T00:00Z"))
    tick(at("2016-05-01T05:00Z"))
    edit(edit_schedule, {}, rules=[CronRule("0 5 1 * *", "Europe/Berlin")], now=at("2016-05-17T16:00Z"))
    tick(at("2016-05-17T16:00Z"))
    tick(at("2016-06-01T03:00Z"))
    assert told(ledger()) == [("queued", at("2016-05-01T05:00Z")), ("queued", at("2016-06-01T03:00Z"))]


def test_an_edit_says_in_the_ledger_what_it_left_out(make, edit, tick, ledger):
    """kubernetes/kubernetes#63371: an update of a job started it for times of the past, a thousand mails in one case;
    and what was late when it was edited must not vanish either."""
    make(CronRule("0 * * * *"), at=at("2020-06-26T06:30Z"))
    edit(edit_schedule, {}, rules=[CronRule("30 * * * *")], now=at("2020-06-26T09:10Z"))
    tick(at("2020-06-26T09:10Z"))
    tick(at("2020-06-26T09:30Z"))
    assert told(ledger()) == [
        ("edited", at("2020-06-26T07:00Z"), at("2020-06-26T09:00Z"), 3),
        ("queued", at("2020-06-26T09:30Z")),
    ]


def test_an_edit_of_something_else_keeps_a_fire_that_jitter_put_off(make, edit, read, tick, ledger):
    """temporalio/temporal#4866: an update with the very same times, made between a planned time and the later one that
    jitter gave it, lost that run."""
    rule = IntervalRule(5 * MINUTE, at("2023-09-12T12:00Z"))
    make(rule, terms={"jitter": MINUTE}, at=at("2023-09-12T12:16Z"))
    (trigger,) = read()[1]
    occurrence = at("2023-09-12T12:20Z")
    due = occurrence + offset_of(trigger.id, MINUTE)
    same = {"rules": [rule], "terms": {"jitter": MINUTE}, "now": occurrence}
    assert edit(edit_schedule, {"description": "the same times"}, **same).version == 2
    tick(due)
    assert told(ledger()) == [("queued", occurrence)]
    edit(edit_schedule, {}, terms={"jitter": 2 * MINUTE}, now=at("2023-09-12T12:25Z"))
    assert told(ledger())[1:] == [("edited", at("2023-09-12T12:25Z"), at("2023-09-12T12:25Z"), 1)]
    assert read()[1][0].next_fire_at == at("2023-09-12T12:30Z")


def test_what_was_missed_while_paused_does_not_come_with_the_resume(make, edit, tick, ledger):
    """dagster-io/dagster#7010: a schedule that was switched off to repair something ran for every day it had been off
    when it was switched on."""
    make(CronRule("0 0 * * *"), at=at("2022-03-01T12:00Z"))
    tick(at("2022-03-02T00:00Z"))
    edit(pause_schedule, "a bug", now=at("2022-03-02T09:00Z"))
    tick(at("2022-03-05T00:00Z"))
    edit(resume_schedule, now=at("2022-03-10T15:00Z"))
    tick(at("2022-03-10T15:00:10Z"))
    tick(at("2022-03-11T00:00Z"))
    assert told(ledger()) == [("queued", at("2022-03-02T00:00Z")), ("queued", at("2022-03-11T00:00Z"))]


def test_a_weekly_job_resumed_after_two_weeks_waits_for_its_day(make, edit, tick, ledger):
    """celery/celery#370: a job of Sunday midnight, disabled and enabled again on a Friday two weeks later, ran on that
    Friday after a restart."""
    make(CronRule("0 0 * * 0"), at=at("2011-03-12T12:00Z"))
    tick(at("2011-03-13T00:00Z"))
    edit(pause_schedule, "", now=at("2011-03-14T09:00Z"))
    edit(resume_schedule, now=at("2011-04-01T09:00Z"))
    for now in ("2011-04-01T09:00:05Z", "2011-04-02T12:00Z", "2011-04-03T00:00Z"):
        tick(at(now))
    assert told(ledger()) == [("queued", at("2011-03-13T00:00Z")), ("queued", at("2011-04-03T00:00Z"))]


def test_the_first_resume_of_a_schedule_that_began_long_ago_fires_nothing(make, edit, tick, ledger):
    """apache/airflow#39867: with catch-up switched off, a workflow that had a start in the past and had never run was
    run as soon as it was unpaused."""
    begun = at("2024-01-01T00:00Z")
    make(CronRule("0 * * * *"), starts_at=begun, at=at("2024-05-27T08:10Z"))
    edit(pause_schedule, "", now=at("2024-05-27T08:10Z"))
    edit(resume_schedule, now=at("2024-05-27T10:40Z"))
    tick(at("2024-05-27T10:40Z") + SECOND)
    assert ledger() == []
    tick(at("2024-05-27T11:00Z"))
    assert told(ledger()) == [("queued", at("2024-05-27T11:00Z"))]
