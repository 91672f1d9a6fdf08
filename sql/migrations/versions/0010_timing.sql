-- When an occurrence is due (jitter, calendars), how often a schedule may fire, on which conditions, and by which time zone data.

ALTER TABLE scheduler.triggers
    ADD COLUMN day_match text CHECK (day_match IN ('or', 'and')),
    ADD COLUMN jitter interval NOT NULL DEFAULT '0 seconds' CHECK (jitter BETWEEN '0 seconds' AND '1 day'),
    ADD COLUMN calendars text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(calendars) <= 10 AND array_position(calendars, NULL) IS NULL),
    ADD COLUMN max_fires bigint CHECK (max_fires > 0),
    ADD COLUMN due_delay interval NOT NULL DEFAULT '0 seconds' CHECK (due_delay BETWEEN '0 seconds' AND '402 days'),
    ADD COLUMN next_due_at timestamptz
        GENERATED ALWAYS AS ((next_fire_at AT TIME ZONE 'UTC' + due_delay) AT TIME ZONE 'UTC') STORED,
    ADD CONSTRAINT day_match_is_of_cron CHECK (kind = 'cron' OR day_match IS NULL);
COMMENT ON COLUMN scheduler.triggers.day_match IS
    'How day-of-month and day-of-week combine when both are restricted; NULL: or, as Vixie cron does.';
COMMENT ON COLUMN scheduler.triggers.jitter IS
    'All occurrences are due later by one offset below this, made from the hash of the trigger''s id.';
COMMENT ON COLUMN scheduler.triggers.calendars IS 'Names of calendars that skip or move occurrences, in this order.';
COMMENT ON COLUMN scheduler.triggers.max_fires IS 'The trigger ends with this many fires; what was skipped does not count.';
COMMENT ON COLUMN scheduler.triggers.due_delay IS 'How much later than next_fire_at that occurrence is due: moved by calendars, and jitter.';
COMMENT ON COLUMN scheduler.triggers.next_due_at IS 'When the next occurrence is due; the claim goes by it.';
DROP INDEX scheduler.triggers_due;
CREATE INDEX triggers_due ON scheduler.triggers (tenant_id, next_due_at) WHERE enabled AND next_due_at IS NOT NULL;

ALTER TABLE scheduler.schedules
    ADD COLUMN max_runs_per_hour integer CHECK (max_runs_per_hour > 0),
    ADD COLUMN only_if jsonb CHECK (jsonb_typeof(only_if) = 'object' AND only_if <> '{}'
        AND only_if - '{report_older_than_days,feed_changed,policy_revision_changed}'::text[] = '{}');
COMMENT ON COLUMN scheduler.schedules.max_runs_per_hour IS
    'Most runs that its triggers start within any 60 minutes; occurrences beyond are skipped (rate).';
COMMENT ON COLUMN scheduler.schedules.only_if IS
    'What must hold when an occurrence is due, compared with the last completed run; else it is skipped (only_if:<condition>).';

ALTER TABLE scheduler.runs
    ADD COLUMN due_at timestamptz,
    ADD COLUMN tzdata text,
    ADD CONSTRAINT due_after_planned CHECK (due_at >= scheduled_for);
COMMENT ON COLUMN scheduler.runs.due_at IS
    'When the occurrence was to fire: scheduled_for, moved by calendars, and jitter. NULL: not fired by a trigger, or before 0010.';
COMMENT ON COLUMN scheduler.runs.tzdata IS 'Release of the IANA time zone data that decided the occurrence.';
CREATE INDEX runs_fired ON scheduler.runs (tenant_id, schedule_id, created_at)
    WHERE trigger_id IS NOT NULL AND skipped_count IS NULL;

CREATE OR REPLACE VIEW scheduler.ledger WITH (security_invoker = true) AS
SELECT r.tenant_id, r.id, r.schedule_id, s.name AS schedule_name, r.schedule_version, r.trigger_id, r.trigger_kind, r.kind,
    r.mode, r.selection, r.priority, r.state, r.reason, r.attempt, r.fencing_token, r.scheduled_for, r.available_at,
    r.launch_id, r.dagster_run_id, r.worker_id, r.retry_of, r.cancel_requested_at, r.requested_by, r.skipped_count,
    r.skipped_first, r.skipped_last, r.stats, r.deltas, r.error, r.created_at, r.started_at, r.finished_at,
    r.due_at, r.tzdata
FROM scheduler.runs AS r
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id;
CREATE INDEX runs_completed ON scheduler.runs (tenant_id, schedule_id, finished_at) WHERE state = 'completed';
