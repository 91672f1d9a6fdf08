"""Reports of the last day of a month, and of day of month and day of week together."""

from resources.states import DayMatch
from scheduler_defs.edits.schedules import edit_schedule
from scheduler_defs.timing.rules import CronRule
from tests.replays.conftest import at, check_fires, told


def test_the_last_day_is_found_in_short_months():
    """xuxueli/xxl-job#3799: the last day of the month passed over every month that has not 31 days."""
    rule = CronRule("0 37 15 L * *", "Asia/Shanghai")
    check_fires(rule, "2025-08-31T07:37Z", "2025-09-30T07:37Z", "2025-10-31T07:37Z", "2025-11-30T07:37Z")
    check_fires(rule, "2028-01-31T07:37Z", "2028-02-29T07:37Z", "2028-03-31T07:37Z")


def test_the_last_day_begins_at_midnight():
    """spring-projects/spring-framework#26390: every hour of the last day left out its midnight, depending on where
    the search began."""
    rule = CronRule("0 * L * *")
    check_fires(rule, "2021-01-30T00:00Z", "2021-01-31T00:00Z", "2021-01-31T01:00Z")
    check_fires(rule, "2021-01-30T23:00Z", "2021-01-31T00:00Z", "2021-01-31T01:00Z")


def test_the_last_day_of_march_comes_after_the_clocks_went_forward():
    """dragonmantank/cron-expression#176: in some years the last day of March was passed over where the clocks change
    in March."""
    rule = CronRule("59 23 L * *", "Europe/Helsinki")
    check_fires(rule, "2024-03-20T10:13:14Z", "2024-03-31T20:59Z", "2024-04-30T20:59Z")
    check_fires(rule, "2023-03-30T09:13:14Z", "2023-03-31T20:59Z", "2023-04-30T20:59Z")


def test_the_31st_is_only_where_there_is_one_and_the_last_day_everywhere():
    """kelektiv/node-cron#111: a job of the 31st does not run in February, and there was no way to say the last day."""
    check_fires(CronRule("0 12 31 * *"), "2014-01-31T12:00Z", "2014-03-31T12:00Z", "2014-05-31T12:00Z")
    check_fires(CronRule("0 12 L * *"), "2014-01-31T12:00Z", "2014-02-28T12:00Z", "2014-03-31T12:00Z")


def test_day_of_month_or_day_of_week():
    """mtdowling/cron-expression#131: a day of month and a day of week both had to match, where cron says either;
    others asked to keep it so."""
    check_fires(CronRule("0 16 4 * fri"), "2016-11-04T16:00Z", "2016-11-11T16:00Z", "2016-11-18T16:00Z")
    both = CronRule("0 16 4 * fri", day_match=DayMatch.AND)
    check_fires(both, "2016-03-04T16:00Z", "2016-11-04T16:00Z", "2017-08-04T16:00Z")


def test_the_first_of_a_month_if_it_is_a_monday_stays_so_in_the_ledger(make, edit, read, tick, ledger):
    """cronie-crond/cronie#205: there is no way to say the first of a month only if it is a Monday."""
    rule = CronRule("0 12 1 * mon", day_match=DayMatch.AND)
    made = make(rule, at=at("2026-05-30T00:00Z"))
    tick(at("2026-06-01T12:00Z"))
    tick(at("2026-06-08T12:00Z"))
    assert told(ledger()) == [("queued", at("2026-06-01T12:00Z"))]
    assert read()[1][0].next_fire_at == at("2027-02-01T12:00Z")
    assert edit(edit_schedule, {}, rules=[rule], now=at("2026-06-09T00:00Z")).version == made.version
    edit(edit_schedule, {}, rules=[CronRule("0 12 1 * mon")], now=at("2026-06-09T00:00Z"))
    assert read()[1][0].next_fire_at == at("2026-06-15T12:00Z")
