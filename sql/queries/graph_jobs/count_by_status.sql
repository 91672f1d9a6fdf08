-- How many work items of a graph run stand where.
SELECT status, count(*)
FROM scheduler.graph_jobs
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s
GROUP BY status
