-- How many runs some workers carry, of all tenants; workers that carry none are left out.
SELECT worker_id, count(*)
FROM scheduler.runs
WHERE worker_id = ANY(%(worker_ids)s::uuid[]) AND state = 'running'
GROUP BY worker_id
