-- When the run was asked for that completed a schedule last, by the same selection and for more than a simulation.
SELECT created_at
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND state = 'completed' AND mode IS DISTINCT FROM 'simulate'
  AND selection = %(selection)s
ORDER BY finished_at DESC
LIMIT 1
