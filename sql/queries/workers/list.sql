-- Workers, newest first; of a status, on a host.
SELECT id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at, ended_at
FROM scheduler.workers
WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(host)s::text IS NULL OR host = %(host)s)
  AND (%(after_id)s::uuid IS NULL OR id < %(after_id)s)
ORDER BY id DESC
LIMIT %(limit)s
