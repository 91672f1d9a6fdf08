-- Runs of a tenant that ended after an instant, in the order they ended.
SELECT r.tenant_id, r.id, r.schedule_id, s.name AS schedule_name, r.schedule_version, r.trigger_id, r.trigger_kind, r.kind,
    r.mode, r.selection, r.priority, r.state, r.reason, r.attempt, r.fencing_token, r.scheduled_for, r.available_at,
    r.launch_id, r.dagster_run_id, r.worker_id, r.retry_of, r.cancel_requested_at, r.requested_by, r.skipped_count,
    r.skipped_first, r.skipped_last, r.stats, r.deltas, r.error, r.created_at, r.started_at, r.finished_at
FROM scheduler.runs AS r
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id
WHERE r.tenant_id = %(tenant_id)s AND r.finished_at > %(since)s
ORDER BY r.finished_at, r.id
LIMIT %(limit)s
