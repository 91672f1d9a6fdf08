-- Runs that still run by the ledger though their worker is dead or gone.
SELECT r.tenant_id, r.id, r.schedule_id, s.name AS schedule_name, r.schedule_version, r.trigger_id, r.trigger_kind, r.kind,
    r.mode, r.selection, r.priority, r.state, r.reason, r.attempt, r.fencing_token, r.scheduled_for, r.available_at,
    r.launch_id, r.dagster_run_id, r.worker_id, r.retry_of, r.cancel_requested_at, r.requested_by, r.skipped_count,
    r.skipped_first, r.skipped_last, r.stats, r.deltas, r.error, r.created_at, r.started_at, r.finished_at
FROM scheduler.runs AS r
JOIN scheduler.workers AS w ON w.id = r.worker_id
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id
WHERE r.state = 'running' AND w.status IN ('dead', 'gone')
ORDER BY r.tenant_id, r.id
LIMIT %(limit)s
