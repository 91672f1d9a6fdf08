-- One worker by its id.
SELECT id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at, ended_at
FROM scheduler.workers
WHERE id = %(id)s
