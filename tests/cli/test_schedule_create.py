"""scheduler schedule create: what is kept, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.states import CatchUp, DstGap, DstOverlap, JobKind, Overlap, PolicyMode

EVERY = ("--kind", "graph", "--every", "10m")


@pytest.fixture
def refused_create(refused, tenant):
    """The error of a schedule that must not be made."""

    def create(*arguments, name="x", kind="graph"):
        return refused("schedule", "create", "--tenant", tenant, "--kind", kind, *arguments, "--", name)

    return create


def test_every_option_of_create_is_kept(scheduler, kept):
    cron = (
        "--cron",
        "0 2 * * 1-5",
        "--timezone",
        "Europe/Berlin",
        "--dst-gap",
        "skip",
        "--dst-overlap",
        "both",
    )
    images = ("--namespace", "prod", "--repository", "shop/*", "--label", "tier=a=b", "--label", "team=red")
    treatment = (
        "--overlap",
        "buffer_one",
        "--catch-up",
        "all",
        "--catch-up-window",
        "2h",
        "--misfire-grace",
        "30s",
    )
    bounds = ("--starts-at", "2030-01-01T00:00:00Z", "--ends-at", "2031-01-01T00:00:00+01:00")
    about = ("--description", "Each night", "--priority", 7, "--actor", "ann", "--mode", "incremental")
    result = scheduler(
        "schedule", "create", "nightly", "--kind", "policy", *cron, *images, *treatment, *bounds, *about
    )
    assert result.exit_code == 0, result.output
    made, (trigger,) = kept("nightly")
    assert (made.kind, made.mode, made.description) == (JobKind.POLICY, PolicyMode.INCREMENTAL, "Each night")
    assert (made.priority, made.created_by) == (7, "ann")
    labels = {"tier": "a=b", "team": "red"}
    assert made.selection == {"namespace": "prod", "repository": "shop/*", "labels": labels}
    assert (made.overlap, made.catch_up) == (Overlap.BUFFER_ONE, CatchUp.ALL)
    assert (made.catch_up_window, made.misfire_grace) == (timedelta(hours=2), timedelta(seconds=30))
    assert made.starts_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert made.ends_at == datetime(2030, 12, 31, 23, tzinfo=UTC)
    assert (trigger.cron, trigger.timezone) == ("0 2 * * 1-5", "Europe/Berlin")
    assert (trigger.dst_gap, trigger.dst_overlap) == (DstGap.SKIP, DstOverlap.BOTH)
    assert trigger.next_fire_at == datetime(2030, 1, 1, 1, tzinfo=UTC)


def test_defaults_of_create_are_those_of_the_product(scheduler, kept):
    scheduler("schedule", "create", "plain", *EVERY)
    made, _ = kept("plain")
    assert (made.overlap, made.catch_up, made.priority) == (Overlap.SKIP, CatchUp.LATEST, 0)
    assert (made.catch_up_window, made.misfire_grace) == (timedelta(days=1), timedelta(minutes=1))
    assert (made.selection, made.mode, made.starts_at, made.ends_at) == ({}, None, None, None)
    scheduler("schedule", "create", "on SBOMs", "--kind", "graph", "--on", "sbom_ingested")
    made, _ = kept("on SBOMs")
    assert (made.overlap, made.catch_up_window) == (Overlap.BUFFER_ONE, timedelta(days=365))


def test_an_interval_fires_at_once(scheduler, kept):
    assert scheduler("schedule", "create", "often", "--kind", "graph", "--every", "1h30m").exit_code == 0
    made, (trigger,) = kept("often")
    assert trigger.every == timedelta(minutes=90)
    assert trigger.next_fire_at == trigger.anchor == made.created_at


@pytest.mark.parametrize("option", [("--now",), ("--once", "now")])
def test_now_fires_at_once(scheduler, kept, option):
    assert scheduler("schedule", "create", "soon", "--kind", "graph", *option).exit_code == 0
    made, (trigger,) = kept("soon")
    assert trigger.next_fire_at == trigger.at == made.created_at


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2030-07-01T09:00:00+02:00", None, datetime(2030, 7, 1, 7, tzinfo=UTC)),
        ("2030-07-01T09:00Z", "Europe/Berlin", datetime(2030, 7, 1, 9, tzinfo=UTC)),
        ("2030-07-01T09:00", "Europe/Berlin", datetime(2030, 7, 1, 7, tzinfo=UTC)),
        ("2030-07-01", "Asia/Tokyo", datetime(2030, 6, 30, 15, tzinfo=UTC)),
    ],
)
def test_a_time_without_offset_is_taken_in_the_timezone(scheduler, kept, text, zone, instant):
    options = ("--timezone", zone) if zone else ()
    assert (
        scheduler("schedule", "create", "later", "--kind", "graph", "--once", text, *options).exit_code == 0
    )
    assert [trigger.at for trigger in kept("later")[1]] == [instant]


def test_several_triggers_make_one_schedule(scheduler, kept):
    result = scheduler(
        "schedule",
        "create",
        "mix",
        *EVERY,
        "--cron",
        "@daily",
        "--cron",
        "5 5 * * *",
        "--every",
        "1d",
        "--now",
    )
    assert result.exit_code == 0
    assert sorted(trigger.kind for trigger in kept("mix")[1]) == [
        "cron",
        "cron",
        "interval",
        "interval",
        "once",
    ]
    assert len(result.stdout.splitlines()) == 1 + 1 + 5


def test_what_waits_for_a_schedule_that_is_not_there_is_made_with_a_warning(scheduler, kept):
    result = scheduler("schedule", "create", "x", "--kind", "impact", "--on", "run_completed:nope")
    assert result.exit_code == 0
    assert result.stderr == "warning: --on run_completed:nope waits: there is no schedule 'nope' yet\n"
    scheduler("schedule", "create", "nope", *EVERY)
    result = scheduler("schedule", "edit", "x", "--on", "run_completed:nope", "--on", "sbom_ingested")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(one.event for one in kept("x")[1]) == ["run_completed:nope", "sbom_ingested"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--every", "1m", "--timezone", ""), "timezone: '' is not valid; expected an IANA time zone"),
        (("--cron", "0 9 * * *", "--timezone", ""), "timezone: '' is not valid; expected an IANA time zone"),
        ((), "triggers: 'none' is not valid; expected at least one of cron, interval, once or event"),
        (("--cron", "61 * * * *"), "cron: '61 * * * *' is not valid; expected minute hour"),
        (("--cron", "* * *"), "cron: '* * *' is not valid"),
        (
            ("--cron", "@daily", "--timezone", "Mars/Phobos"),
            "timezone: 'Mars/Phobos' is not valid; expected an IANA",
        ),
        (("--once", "2030-01-01T09:00", "--timezone", "Mars/Phobos"), "timezone: 'Mars/Phobos' is not valid"),
        (
            ("--every", "1m", "--timezone", "UTC"),
            "timezone: 'UTC' is not valid; expected nothing without --cron",
        ),
        (
            ("--every", "1m", "--dst-gap", "skip"),
            "dst_gap: 'skip' is not valid; expected nothing without --cron",
        ),
        (
            ("--now", "--dst-overlap", "both"),
            "dst_overlap: 'both' is not valid; expected nothing without --cron",
        ),
        (("--every", "0s"), "every: 0s is not valid; expected an interval of 1 second to 36500 days"),
        (
            ("--every", "36501d"),
            "every: 36501d is not valid; expected an interval of 1 second to",
        ),
        (
            ("--once", "9999-12-31T23:59Z"),
            "once: '9999-12-31T23:59:00+00:00' is not valid; expected a time of",
        ),
        (
            ("--every", "1m", "--starts-at", "0001-01-01T00:00Z"),
            "starts_at: '0001-01-01T00:00:00+00:00' is not",
        ),
        (("--every", "1m", "--ends-at", "9999-01-01T00:00Z"), "ends_at: '9999-01-01T00:00:00+00:00' is not"),
        (("--every", "1m", "--actor", ""), "actor: '' is not valid; expected a name"),
        (
            ("--every", "1m", "--namespace", "a\udcff"),
            "selection.namespace: 'a\\udcff' is not valid; expected text",
        ),
        (
            ("--every", "1m", "--label", "a=\udcff"),
            "selection.labels: 'a=\\udcff' is not valid; expected text",
        ),
        (
            ("--every", "1m", "--schedule-label", "a=\udcff"),
            "labels: 'a=\\udcff' is not valid; expected text",
        ),
        (
            ("--once", "2030-01-01T09:00"),
            "once: '2030-01-01T09:00:00' is not valid; expected a time with its",
        ),
        (
            ("--once", "2020-01-01T00:00Z"),
            "at: 2020-01-01 00:00:00+00:00 is not valid; expected a time in the future",
        ),
        (
            ("--once", "9999-12-31T23:59-12:00"),
            "once: '9999-12-31T23:59:00-12:00' is not valid; expected a time",
        ),
        (("--every", "1m", "--starts-at", "2030-01-01"), "starts_at: '2030-01-01T00:00:00' is not valid"),
        (("--every", "1m", "--ends-at", "2030-01-01"), "ends_at: '2030-01-01T00:00:00' is not valid"),
        (
            ("--every", "1m", "--starts-at", "2031-01-01T00:00Z", "--ends-at", "2030-01-01T00:00Z"),
            "ends_at: 2030-01-01 00:00:00+00:00 is not valid; expected after starts_at",
        ),
        (("--every", "1m", "--label", "prod"), "selection.labels: 'prod' is not valid; expected KEY=VALUE"),
        (("--every", "1m", "--label", "=prod"), "selection.labels: '=prod' is not valid; expected KEY=VALUE"),
        (
            ("--every", "1m", "--label", "a=1", "--label", "a=2"),
            "selection.labels: 'a=2' is not valid; expected each",
        ),
        (
            ("--every", "1m", "--namespace", ""),
            "selection.namespace: '' is not valid; expected a non-empty text",
        ),
        (("--every", "1m", "--mode", "full"), "mode: 'full' is not valid; expected no mode for a graph run"),
        (("--every", "1m", "--priority", 101), "priority: 101 is not valid; expected -100 to 100"),
        (
            ("--every", "1m", "--advisory", "X"),
            "selection.advisories: 'X' is not valid; expected none for a graph",
        ),
        (
            ("--every", "1m", "--since-revision", 1),
            "selection.since_revision: 1 is not valid; expected none",
        ),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_create_names_what_is_wrong(refused_create, options, message):
    assert refused_create(*options).startswith(f"Error: {message}")


@pytest.mark.parametrize("time", ["2030-03-31T02:30", "2030-10-27T02:30"], ids=["gap", "overlap"])
def test_a_local_time_that_the_clock_change_makes_unclear_is_refused(refused_create, time):
    error = refused_create("--once", time, "--timezone", "Europe/Berlin")
    assert error.endswith("expected a time with its offset: in Europe/Berlin the clocks change then")


@pytest.mark.parametrize("option", ["--every", "--catch-up-window", "--misfire-grace"])
@pytest.mark.parametrize("value", ["", "10", "1.5h", "1m1d", "-1s", "soon", "9" * 30 + "d"])
def test_a_wrong_duration_is_a_usage_error(refused_create, option, value):
    error = refused_create("--now", option, value)
    assert error.startswith(f"Error: Invalid value for '{option}': {value!r} is ")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--once", "tomorrow"),
        ("--starts-at", "12:00"),
        ("--overlap", "queue"),
        ("--catch-up", "some"),
        ("--mode", "fast"),
        ("--dst-gap", "hop"),
        ("--priority", "high"),
        ("--since-revision", "-1"),
    ],
)
def test_a_value_of_no_meaning_is_a_usage_error(refused_create, option, value):
    assert f"Invalid value for '{option}'" in refused_create("--every", "1m", option, value)


def test_an_unknown_kind_is_refused(refused_create):
    error = refused_create("--every", "1m", kind="compliance")
    assert (
        error == "Error: Invalid value for '--kind': 'compliance' is not one of 'graph', 'impact', 'policy'."
    )


@pytest.mark.parametrize("name", ["", "a/b", " a", "x" * 129, "-"])
def test_a_wrong_name_is_refused(refused_create, name):
    assert refused_create("--every", "1m", name=name).startswith(f"Error: name: {name!r}"[:100])


def test_an_unknown_advisory_is_refused(refused_create):
    error = refused_create("--every", "1m", "--advisory", "CVE-1", kind="impact")
    assert error == (
        "Error: selection.advisories: 'CVE-1' is not valid; expected ids of ingested advisories, "
        "or of what they are about"
    )


def test_a_name_in_use_is_refused_until_it_is_deleted(scheduler, refused_create):
    scheduler("schedule", "create", "x", *EVERY)
    assert refused_create("--every", "1m") == "Error: schedule 'x' exists already"
    scheduler("schedule", "delete", "x", "--yes")
    assert scheduler("schedule", "create", "x", *EVERY).exit_code == 0
