-- Of some Dagster runs, those that a worker carries which is not known to have ended.
SELECT DISTINCT dagster_run_id
FROM scheduler.workers
WHERE status IN ('active', 'draining') AND dagster_run_id = ANY(%(dagster_runs)s)
