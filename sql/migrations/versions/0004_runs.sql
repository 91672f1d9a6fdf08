-- Runs and launches: indexes for every way to list them, and edges that no statement may leave.

CREATE FUNCTION scheduler.refuse_edge() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'a row of %.% cannot go from % to %', TG_TABLE_SCHEMA, TG_TABLE_NAME,
        coalesce(to_jsonb(OLD) ->> 'state', to_jsonb(OLD) ->> 'status'),
        coalesce(to_jsonb(NEW) ->> 'state', to_jsonb(NEW) ->> 'status')
        USING ERRCODE = 'SC003', HINT = 'docs/state_machine.md lists the edges; what has ended never changes again.';
END
$$;
COMMENT ON FUNCTION scheduler.refuse_edge() IS
    'Refuses an update; the WHEN clause of its triggers names the edges that are none of the state machine''s.';

-- What names an attempt comes and goes together, and a row that never started bears no trace of one.
-- Instants of different transactions are not put in order: the server's clock may be set back between them.
ALTER TABLE scheduler.runs
    ADD CONSTRAINT started_is_whole CHECK (
        num_nulls(fencing_token, started_at, dagster_run_id, worker_id) IN (0, 4)
        AND (fencing_token IS NULL OR launch_id IS NOT NULL)),
    ADD CONSTRAINT unstarted_is_untouched CHECK (state NOT IN ('pending', 'queued', 'skipped') OR (
        cancel_requested_at IS NULL AND stats = '{}' AND deltas = '{}')),
    ADD CONSTRAINT skipped_range_is_counted CHECK (
        (skipped_count = 1) = (skipped_first = skipped_last) AND scheduled_for BETWEEN skipped_first AND skipped_last),
    ADD CONSTRAINT retry_is_another_run CHECK (retry_of <> id),
    ADD CONSTRAINT times_are_readable CHECK (
        isfinite(created_at) AND date_part('year', created_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998
        AND (started_at IS NULL OR isfinite(started_at) AND date_part('year', started_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998)
        AND (finished_at IS NULL OR isfinite(finished_at) AND date_part('year', finished_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998)
        AND (cancel_requested_at IS NULL OR isfinite(cancel_requested_at)
             AND date_part('year', cancel_requested_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998));
ALTER TABLE scheduler.launches
    ADD CONSTRAINT offered_is_untaken CHECK (state <> 'offered' OR dagster_run_id IS NULL),
    ADD CONSTRAINT taken_has_time CHECK ((dagster_run_id IS NULL) = (acknowledged_at IS NULL)),
    ADD CONSTRAINT offers_have_time CHECK ((offers > 0) = (offered_at IS NOT NULL));

CREATE TRIGGER legal_edges BEFORE UPDATE ON scheduler.runs FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
              ('pending', 'queued'), ('pending', 'cancelled'),
              ('queued', 'running'), ('queued', 'pending'), ('queued', 'failed'), ('queued', 'cancelled'),
              ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('running', 'pending'))
          OR OLD.state IN ('completed', 'failed', 'cancelled', 'skipped') AND OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION scheduler.refuse_edge();
CREATE TRIGGER legal_edges BEFORE UPDATE ON scheduler.launches FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
              ('offered', 'acknowledged'), ('offered', 'dead'), ('acknowledged', 'finished'), ('acknowledged', 'dead'))
          OR OLD.state IN ('finished', 'dead') AND OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION scheduler.refuse_edge();

-- A list is read newest first, by scheduled_for and id, under one filter or none. One index each: without its own, a rare
-- value would be searched for through the whole ledger. runs_by_schedule takes the place of runs_of_schedule, and
-- runs_by_state also counts without reading rows.
DROP INDEX scheduler.runs_of_schedule;
CREATE INDEX runs_by_time ON scheduler.runs (tenant_id, scheduled_for, id);
CREATE INDEX runs_by_schedule ON scheduler.runs (tenant_id, schedule_id, scheduled_for, id);
CREATE INDEX runs_by_state ON scheduler.runs (tenant_id, state, scheduled_for, id);
CREATE INDEX runs_by_kind ON scheduler.runs (tenant_id, kind, scheduled_for, id);
CREATE INDEX runs_by_trigger_kind ON scheduler.runs (tenant_id, trigger_kind, scheduled_for, id);
