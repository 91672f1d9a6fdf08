-- What follows a failed attempt: another one after a backoff, or the end; and what a schedule does after failures in a row.

ALTER TABLE scheduler.schedules
    ADD COLUMN max_attempts smallint NOT NULL DEFAULT 3 CHECK (max_attempts BETWEEN 1 AND 100),
    ADD COLUMN backoff_base interval NOT NULL DEFAULT '30 seconds' CHECK (backoff_base BETWEEN '0 seconds' AND '7 days'),
    ADD COLUMN backoff_factor double precision NOT NULL DEFAULT 2 CHECK (backoff_factor BETWEEN 1 AND 100),
    ADD COLUMN backoff_cap interval NOT NULL DEFAULT '1 hour' CHECK (backoff_cap BETWEEN '0 seconds' AND '7 days'),
    ADD COLUMN backoff_jitter double precision NOT NULL DEFAULT 0.1 CHECK (backoff_jitter BETWEEN 0 AND 1),
    ADD COLUMN run_timeout interval CHECK (run_timeout BETWEEN '1 second' AND '365 days'),
    ADD COLUMN pause_after_failures smallint CHECK (pause_after_failures BETWEEN 1 AND 1000);
COMMENT ON COLUMN scheduler.schedules.max_attempts IS 'How many attempts of a run may fail; with the last of them the run fails.';
COMMENT ON COLUMN scheduler.schedules.backoff_base IS
    'How long a run waits after its first failed attempt; after each further one backoff_factor times as long, at most backoff_cap.';
COMMENT ON COLUMN scheduler.schedules.backoff_jitter IS
    'Up to this share of the wait is taken off, by the hash of the run and the attempt.';
COMMENT ON COLUMN scheduler.schedules.run_timeout IS 'How long one attempt may take; NULL: as long as it likes.';
COMMENT ON COLUMN scheduler.schedules.pause_after_failures IS
    'The schedule is paused when so many of its runs failed one after the other; NULL: never.';
CREATE INDEX schedules_pausing ON scheduler.schedules (tenant_id, id)
    WHERE pause_after_failures IS NOT NULL AND enabled AND deleted_at IS NULL;

ALTER TABLE scheduler.runs
    ADD COLUMN begun boolean NOT NULL DEFAULT false,
    ADD COLUMN failures smallint NOT NULL DEFAULT 0 CHECK (failures >= 0),
    ADD COLUMN lost_launches smallint NOT NULL DEFAULT 0 CHECK (lost_launches >= 0),
    ADD CONSTRAINT begun_is_started CHECK (NOT begun OR fencing_token IS NOT NULL),
    ADD CONSTRAINT some_attempt_has_not_failed CHECK (failures < attempt);
COMMENT ON COLUMN scheduler.runs.begun IS
    'The work of the current attempt began: a packed launch opens its runs together, but carries them out in turn.';
COMMENT ON COLUMN scheduler.runs.failures IS
    'Earlier attempts that failed. Those that never began, or were handed back by a worker that was told to leave, are none.';
COMMENT ON COLUMN scheduler.runs.lost_launches IS 'Launches that died before any of their runs was opened.';
UPDATE scheduler.runs SET begun = true WHERE fencing_token IS NOT NULL AND state = 'running';

CREATE OR REPLACE VIEW scheduler.ledger WITH (security_invoker = true) AS
SELECT r.tenant_id, r.id, r.schedule_id, s.name AS schedule_name, r.schedule_version, r.trigger_id, r.trigger_kind, r.kind,
    r.mode, r.selection, r.priority, r.state, r.reason, r.attempt, r.fencing_token, r.scheduled_for, r.available_at,
    r.launch_id, r.dagster_run_id, r.worker_id, r.retry_of, r.cancel_requested_at, r.requested_by, r.skipped_count,
    r.skipped_first, r.skipped_last, r.stats, r.deltas, r.error, r.created_at, r.started_at, r.finished_at,
    r.due_at, r.tzdata, r.begun, r.failures, r.lost_launches
FROM scheduler.runs AS r
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id;

CREATE TABLE scheduler.instances (
    owner         text PRIMARY KEY CHECK (owner <> ''),
    last_seen_at  timestamptz NOT NULL
);
COMMENT ON TABLE scheduler.instances IS
    'Dagster instances whose daemon claims: what a silent one was to submit goes back to pending, for another to launch.';
GRANT SELECT, INSERT, UPDATE ON scheduler.instances TO scheduler_system;
