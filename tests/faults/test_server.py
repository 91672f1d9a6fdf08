"""PostgreSQL crashes, restarts, ends sessions, gives up statements and has no connection left, all under load."""

from tests.faults.disturbing import ShortTimeouts, StopServer, TakeEverySlot, TerminateSessions
from tests.faults.records import read_journals


def errors(stage):
    return " ".join(said["error"] for said in read_journals(stage.place, "error"))


def test_sessions_that_are_terminated(stage):
    assert stage.play("sessions terminated", TerminateSessions()).problems == []
    assert "connection" in errors(stage)


def test_statements_and_locks_that_time_out(stage):
    assert stage.play("short timeouts", ShortTimeouts()).problems == []
    assert "timeout" in errors(stage)


def test_a_server_that_is_stopped_and_recovers(own_server, own_stage):
    assert own_stage.play("PostgreSQL stopped", StopServer(own_server)).problems == []


def test_a_server_without_a_connection_left(own_stage):
    fault = TakeEverySlot(own_stage.database.settings.conninfo(), seconds=2.5)
    verdict = own_stage.play("slots exhausted", fault, settings={"pool_timeout": 1})
    assert verdict.problems == []
    assert "no connection to PostgreSQL within 1 s" in errors(own_stage)
