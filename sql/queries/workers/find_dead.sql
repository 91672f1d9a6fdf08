-- Workers that were silent for longer than the limit and that nobody declared dead yet, the longest silent first.
SELECT id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at, ended_at
FROM scheduler.workers
WHERE status IN ('active', 'draining') AND last_heartbeat_at < %(now)s - %(silent_for)s::interval
ORDER BY last_heartbeat_at, id
LIMIT %(limit)s
