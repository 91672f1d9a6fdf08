"""scheduler schedule edit and diff: what they leave of the time zone and the rules of crons."""

import json
import re

import pytest

from resources.states import DayMatch, DstGap, DstOverlap
from scheduler_defs.edits.triggers import pause_trigger

BERLIN = ("--timezone", "Europe/Berlin", "--dst-gap", "skip", "--dst-overlap", "both", "--day-match", "and")
RULES = (DstGap.SKIP, DstOverlap.BOTH, DayMatch.AND)
NINE = ("--kind", "graph", "--cron", "0 9 * * *")


@pytest.fixture
def edit(scheduler):
    """edit(option, …) edits the schedule x."""

    def edit(*options):
        result = scheduler("schedule", "edit", "x", *options)
        assert result.exit_code == 0, result.output

    return edit


@pytest.fixture
def clocks(kept):
    """clocks() is the cron, time zone and rules of each trigger of the schedule x."""

    def read():
        _, triggers = kept("x")
        return [
            (one.cron, one.timezone, (one.dst_gap, one.dst_overlap, one.day_match))
            for one in sorted(triggers, key=lambda one: one.cron or "")
        ]

    return read


def test_another_cron_keeps_the_clock_of_the_one_it_replaces(scheduler, edit, clocks):
    scheduler("schedule", "create", "x", *NINE, *BERLIN)
    edit("--cron", "0 10 * * *")
    assert clocks() == [("0 10 * * *", "Europe/Berlin", RULES)]
    edit("--cron", "0 11 * * *", "--timezone", "Asia/Tokyo")
    assert clocks() == [("0 11 * * *", "Asia/Tokyo", RULES)]
    edit("--cron", "0 12 * * *", "--dst-gap", "shift", "--every", "1d")
    assert clocks()[1] == ("0 12 * * *", "Asia/Tokyo", (DstGap.SHIFT, *RULES[1:]))
    edit("--cron", "0 12 * * *", "--cron", "0 13 * * *")
    assert {clock[1:] for clock in clocks()} == {("Asia/Tokyo", (DstGap.SHIFT, *RULES[1:]))}


def test_a_cron_that_replaces_none_is_in_utc(scheduler, edit, clocks):
    scheduler("schedule", "create", "x", "--kind", "graph", "--every", "1d")
    edit("--cron", "0 9 * * *")
    assert clocks() == [("0 9 * * *", "UTC", (None, None, DayMatch.OR))]


def test_a_clock_alone_changes_the_crons_that_are_there(scheduler, edit, clocks, kept, database, tenant):
    scheduler("schedule", "create", "x", *NINE, "--cron", "0 8 * * *", "--every", "1d", "--jitter", "5m")
    paused = next(one for one in kept("x")[1] if one.cron == "0 8 * * *")
    with database.begin(tenant) as store:
        pause_trigger(store, tenant, "x", paused.id, "tests")
    before = {one.id: one for one in kept("x")[1]}
    edit("--timezone", "Asia/Tokyo", "--dst-overlap", "second")
    schedule, after = kept("x")
    assert schedule.version == 3
    assert {one.id: one.timezone for one in after} == {
        one.id: "Asia/Tokyo" if one.cron else None for one in before.values()
    }
    for one in after:
        assert (one.enabled, one.jitter) == (before[one.id].enabled, before[one.id].jitter)
        assert one.dst_overlap is (DstOverlap.SECOND if one.cron else None)
        if one.cron and one.enabled:
            assert one.next_fire_at.hour == 0
        else:
            assert one.next_fire_at == before[one.id].next_fire_at
    edit("--timezone", "Asia/Tokyo")
    assert kept("x")[0].version == 3


def test_the_zone_of_a_time_without_offset_leaves_the_crons_alone(scheduler, edit, clocks, kept):
    scheduler("schedule", "create", "x", *NINE, *BERLIN)
    edit("--starts-at", "2100-01-01T00:00", "--timezone", "Asia/Tokyo")
    assert clocks() == [("0 9 * * *", "Europe/Berlin", RULES)]
    assert kept("x")[0].starts_at.isoformat() == "2099-12-31T15:00:00+00:00"


def test_where_the_crons_differ_the_zone_is_asked_for(
    scheduler, edit, clocks, refused, tenant, database, kept
):
    scheduler("schedule", "create", "x", *NINE, "--cron", "0 8 * * *", *BERLIN)
    with database.begin(tenant) as store:
        schedule, (one, _) = kept("x")
        moved = {**vars(one), "timezone": "Asia/Tokyo"}
        store.triggers.update(type(one)(**moved), schedule.version, store.now())
    for command in ("edit", "diff"):
        error = refused("schedule", command, "x", "--tenant", tenant, "--cron", "0 7 * * *")
        assert error == (
            "Error: timezone: 'Asia/Tokyo, Europe/Berlin' is not valid; expected one of them, by --timezone:"
            " the schedule's cron triggers differ in it"
        )
    edit("--cron", "0 7 * * *", "--timezone", "Asia/Tokyo")
    assert clocks() == [("0 7 * * *", "Asia/Tokyo", RULES)]


@pytest.mark.parametrize(
    ("options", "local"),
    [
        (("--cron", "0 10 * * *"), r"T10:00:00\+0[12]:00"),
        (("--timezone", "Asia/Tokyo"), r"T09:00:00\+09:00"),
    ],
)
def test_a_difference_goes_by_the_same_clock_as_the_edit(scheduler, edit, kept, options, local):
    scheduler("schedule", "create", "x", *NINE, *BERLIN)
    result = scheduler("schedule", "diff", "x", *options, "--horizon", "2d", "--json")
    assert result.exit_code == 0, result.output
    first, *_ = json.loads(result.stdout)["gained"]
    assert re.search(local, first["local"])
    edit(*options)
    assert kept("x")[1][0].next_fire_at.isoformat() == first["at"]


def test_a_difference_by_a_file_takes_no_clock_beside_it(scheduler, refused, tenant, tmp_path):
    scheduler("schedule", "create", "x", *NINE)
    file = tmp_path / "x.json"
    file.write_text(scheduler("schedule", "show", "x", "--json").stdout)
    error = refused("schedule", "diff", "x", str(file), "--timezone", "Asia/Tokyo", "--tenant", tenant)
    assert error.endswith("expected FILE or options, not both")
