-- How many work items of a policy run stand where.
SELECT status, count(*)
FROM scheduler.policy_jobs
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s
GROUP BY status
