-- Workers whose id begins or ends with some digits, newest first; people name workers by a short form.
SELECT id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at, ended_at
FROM scheduler.workers
WHERE id::text LIKE %(prefix)s || '%%' OR id::text LIKE '%%' || %(prefix)s
ORDER BY id DESC
LIMIT %(limit)s
