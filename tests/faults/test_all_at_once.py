"""Many faults at once, in one world for processes and one for their server: what `make test` has time for."""

from tests.faults.disturbing import (
    AnyOf,
    Kill,
    Network,
    ShortTimeouts,
    StopServer,
    TakeEverySlot,
    TerminateSessions,
    Wake,
)
from tests.faults.records import read_journals

DEATHS = {"before commit": 0.004, "after commit": 0.004, "mid-submission": 0.05}
FREEZES = {"between transactions": 0.005, "inside a transaction": 0.005, "before the end": 0.005}


def test_processes_killed_and_stopped_at_once_lose_and_double_nothing(stage):
    """Sensors, workers and the rescuer die at random instants and at named points; workers freeze and come back."""
    posts = {
        "sensor": {"deaths": DEATHS},
        "worker": {"deaths": {"after commit": 0.001}, "freezes": FREEZES},
        "rescuer": {"deaths": {"before commit": 0.002}},
    }
    verdict = stage.play(
        "everything at once",
        AnyOf(Kill("sensor", "worker", "rescuer"), TerminateSessions()),
        also=Wake(stage.place),
        posts=posts,
    )
    assert verdict.problems == []
    assert {said["point"] for said in read_journals(stage.place, "died")} <= DEATHS.keys()


def test_a_server_that_crashes_is_full_and_badly_reached_loses_and_doubles_nothing(
    own_server, own_stage, proxied
):
    proxy, dsn = proxied(own_server, own_stage)
    faults = AnyOf(
        StopServer(own_server),
        TakeEverySlot(own_stage.database.settings.conninfo()),
        ShortTimeouts(),
        Network(proxy),
    )
    verdict = own_stage.play(
        "the server at once", faults, posts={"worker": {"dsn": dsn}, "sensor": {"dsn": dsn}}
    )
    assert verdict.problems == []
    assert [*read_journals(own_stage.place, "error")]
