-- How many runs of a locked tenant are queued or running.
SELECT count(*)
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND state IN ('queued', 'running')
