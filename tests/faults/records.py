"""What the scenarios believe instead of the ledger: tables and files of the tests' own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = """
    CREATE SCHEMA faults;
    GRANT USAGE ON SCHEMA faults TO scheduler_tenant, scheduler_system;

    -- How far the clock that the product reads is ahead of the server's, where a scenario lets it jump.
    CREATE TABLE faults.clock AS SELECT interval '0' AS ahead;
    GRANT SELECT ON faults.clock TO PUBLIC;
    GRANT USAGE ON SCHEMA faults TO PUBLIC;

    -- What attempts wrote, each in its guarded transaction; nothing here refuses a second or a late one.
    CREATE TABLE faults.steps (
        id bigserial, tenant_id text, run_id uuid, attempt integer, token bigint, step integer,
        at timestamptz DEFAULT clock_timestamp());
    GRANT INSERT ON faults.steps TO scheduler_tenant;
    GRANT USAGE ON faults.steps_id_seq TO scheduler_tenant;

    -- Writes that committed though the run was no longer theirs.
    CREATE TABLE faults.stale (run_id uuid, token bigint, step integer, found_token bigint, found_state text);
    CREATE FUNCTION faults.judge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO faults.stale
        SELECT NEW.run_id, NEW.token, NEW.step, r.fencing_token, r.state
        FROM scheduler.runs AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.run_id
          AND (r.state <> 'running' OR r.fencing_token IS DISTINCT FROM NEW.token);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON faults.steps
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION faults.judge();

    -- Every change of state or attempt, as it was made.
    CREATE TABLE faults.moves (
        id bigserial, tenant_id text, run_id uuid, was text, became text, attempt integer, token bigint,
        worker_id uuid, at timestamptz DEFAULT clock_timestamp());
    CREATE INDEX ON faults.moves (run_id);
    CREATE FUNCTION faults.note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO faults.moves (tenant_id, run_id, was, became, attempt, token, worker_id)
        VALUES (NEW.tenant_id, NEW.id, OLD.state, NEW.state, NEW.attempt,
                coalesce(NEW.fencing_token, OLD.fencing_token), coalesce(NEW.worker_id, OLD.worker_id));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_move AFTER UPDATE ON scheduler.runs
        FOR EACH ROW WHEN (OLD.state <> NEW.state OR OLD.fencing_token <> NEW.fencing_token)
        EXECUTE FUNCTION faults.note_move();
"""
WRITE_STEP = "INSERT INTO faults.steps (tenant_id, run_id, attempt, token, step) VALUES (%s, %s, %s, %s, %s)"
STEPS = 2


class Journal:
    """A file of one process; each line is there the moment it is written, whatever kills the process then."""

    def __init__(self, directory: Path, role: str) -> None:
        path = directory / f"{role}-{os.getpid()}.jsonl"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, **facts: Any) -> None:
        os.write(self._descriptor, f"{json.dumps({'what': what, **facts}, default=str)}\n".encode())


def read_journals(directory: Path, what: str) -> Iterator[dict[str, Any]]:
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            said = json.loads(line)
            if said["what"] == what:
                yield {**said, "file": path.name}


def pid_of(said: dict[str, Any]) -> int:
    """The process whose journal says it."""
    return int(said["file"].rpartition("-")[2].partition(".")[0])
