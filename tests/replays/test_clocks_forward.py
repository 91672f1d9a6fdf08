"""Reports of the night on which an hour does not exist."""

from scheduler_defs.timing.rules import CronRule
from tests.replays.conftest import MINUTE, SECOND, at, check_fires, told


def test_an_airflow_cron_of_two_hours_keeps_them_on_the_morning_after():
    """apache/airflow#7999: a cron with two hours fired an hour late in the morning after the clocks went forward."""
    two = CronRule("0 7,9 * * *", "America/Los_Angeles")
    check_fires(two, "2020-03-07T15:00Z", "2020-03-07T17:00Z", "2020-03-08T14:00Z", "2020-03-08T16:00Z")
    adjacent = CronRule("0 7-8 * * *", "America/Los_Angeles")
    check_fires(adjacent, "2020-03-07T15:00Z", "2020-03-07T16:00Z", "2020-03-08T14:00Z", "2020-03-08T15:00Z")


def test_every_four_hours_is_found_across_the_change_from_anywhere():
    """apache/airflow#30088: for an hour around the change a cron of every four hours crashed the scheduler, because
    the next fire it computed lay before the last one."""
    rule = CronRule("20 */4 * * *", "America/Los_Angeles")
    check_fires(rule, "2023-03-12T04:20Z", "2023-03-12T08:20Z", "2023-03-12T11:20Z", "2023-03-12T15:20Z")


def test_every_second_hour_fires_once_after_the_hour_that_was_left_out(make, tick, ledger):
    """apache/airflow#30195: a cron of every second hour started twice at one instant after the change, and then
    no more."""
    make(CronRule("0 */2 * * *", "America/Toronto"), at=at("2023-03-12T04:30Z"))
    instants = [at(f"2023-03-12T{hour:02}:00Z") for hour in range(5, 13)]
    for instant in instants:
        tick(instant)
        tick(instant + SECOND)
    assert told(ledger()) == [
        ("queued", at("2023-03-12T05:00Z")),
        ("queued", at("2023-03-12T08:00Z")),
        ("queued", at("2023-03-12T10:00Z")),
        ("queued", at("2023-03-12T12:00Z")),
    ]


def test_a_time_that_the_clock_skips_fires_one_time(make, tick, ledger):
    """hashicorp/nomad#5410: a job at two in the night was started thousands of times in the second of the change,
    until the cluster ran out of memory."""
    make(CronRule("0 2 * * *", "America/New_York"), at=at("2019-03-10T06:00Z"))
    for seconds in range(30):
        tick(at("2019-03-10T07:00Z") + seconds * SECOND)
    assert told(ledger()) == [("queued", at("2019-03-10T07:00Z"))]
    tick(at("2019-03-11T06:00Z"))
    assert told(ledger())[1:] == [("queued", at("2019-03-11T06:00Z"))]


def test_jobs_go_on_after_the_change():
    """hashicorp/nomad#7289: at the instant of the change all periodic jobs stopped until the leader was restarted."""
    rule = CronRule("*/30 * * * *", "America/New_York")
    check_fires(
        rule,
        "2020-03-08T06:00Z",
        *("2020-03-08T06:30Z", "2020-03-08T07:00Z", "2020-03-08T07:30Z", "2020-03-08T08:00Z"),
    )


def test_a_time_that_does_not_exist_is_no_error_and_stops_nobody_else(make, tick, ledger):
    """HangfireIO/Hangfire#537: the conversion of a local time that did not exist raised an error, after which no
    recurring job of the installation was started."""
    make(CronRule("30 2 * * *", "America/Chicago"), name="in the gap", at=at("2016-03-13T07:45Z"))
    make(CronRule("0 * * * *"), name="beside it", at=at("2016-03-13T07:45Z"))
    tick(at("2016-03-13T08:00Z"))
    assert told(ledger()) == 2 * [("queued", at("2016-03-13T08:00Z"))]
    tick(at("2016-03-13T09:00Z"))
    tick(at("2016-03-14T07:30Z"))
    assert told(ledger())[-1] == ("queued", at("2016-03-14T07:30Z"))


def test_a_critical_job_in_the_skipped_hour_runs_that_night():
    """rundeck/rundeck#6879: a job between two and three was left out, silently, in the night of the change."""
    rule = CronRule("45 2 * * *", "America/New_York")
    check_fires(rule, "2021-03-13T12:00Z", "2021-03-14T07:00Z", "2021-03-15T06:45Z")


def test_a_week_whose_sunday_begins_at_one_o_clock_is_no_loop():
    """PrefectHQ/prefect#5957: a weekly cron of midnight repeated one instant for ever, where the clocks of Santiago
    go forward at midnight."""
    rule = CronRule("0 0 * * 0", "America/Santiago")
    check_fires(rule, "2022-09-04T03:00Z", "2022-09-04T04:00Z", "2022-09-11T04:00Z", "2022-09-18T03:00Z")


def test_a_weekday_after_the_change_is_not_passed_over():
    """agronholm/apscheduler#529: Monday midnight was passed over when the clocks had changed on Sunday, since a day
    was taken to be 24 hours."""
    rule = CronRule("0 0 * * 1-5", "America/Chicago")
    check_fires(rule, "2021-03-12T06:00:00.000001Z", "2021-03-15T05:00Z", "2021-03-16T05:00Z")


def test_the_answer_does_not_depend_on_how_near_the_change_one_asks():
    """taichino/croniter#90: asked one minute or five seconds before the change, the next fire was another one."""
    rule = CronRule("1 2 * * *", "Europe/Berlin")
    for since in ("2020-03-29T00:58:55Z", "2020-03-29T00:59:55Z"):
        check_fires(rule, since, "2020-03-29T01:00Z", "2020-03-30T00:01Z")


def test_an_afternoon_job_is_not_an_hour_late_on_the_day_of_the_change(make, tick, ledger):
    """celery/django-celery-beat#134: on the day of the change a daily job of the afternoon ran an hour late."""
    make(CronRule("4 16 * * *", "America/New_York"), at=at("2025-03-08T20:00Z"))
    for due in (at("2025-03-08T21:04Z"), at("2025-03-09T20:04Z")):
        tick(due - MINUTE)
        tick(due)
    assert told(ledger()) == [("queued", at("2025-03-08T21:04Z")), ("queued", at("2025-03-09T20:04Z"))]
