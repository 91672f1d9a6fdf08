-- Retention: since when each ledger is whole, who may delete what is past it, and the indexes this needs.

ALTER TABLE scheduler.tenants ADD COLUMN ledger_since timestamptz
    CONSTRAINT ledger_since_a_day CHECK (ledger_since = date_trunc('day', ledger_since, 'UTC'));
COMMENT ON COLUMN scheduler.tenants.ledger_since IS
    'Runs that ended, or were planned, before this day (UTC) may have been pruned; NULL: none ever was.';

CREATE INDEX runs_retries ON scheduler.runs (tenant_id, retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX runs_of_worker ON scheduler.runs (worker_id) WHERE worker_id IS NOT NULL;
CREATE INDEX launches_ended ON scheduler.launches (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX workers_ended ON scheduler.workers (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_summaries_of_schedule ON scheduler.run_summaries (tenant_id, schedule_id, granularity, bucket DESC);
CREATE INDEX execution_logs_newest ON scheduler.execution_logs (tenant_id, at, run_id, attempt, line);

GRANT DELETE ON scheduler.runs, scheduler.graph_jobs, scheduler.policy_jobs, scheduler.impact_snapshots,
    scheduler.impact_snapshot_images, scheduler.run_summaries, scheduler.launches, scheduler.workers TO scheduler_system;
