-- When the run was asked for that completed a schedule last, by the same selection and for more than a simulation.
-- Of those that were asked for no later than this one: a clock that ran ahead must not hide what came since.
SELECT created_at
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND state = 'completed' AND mode IS DISTINCT FROM 'simulate'
  AND selection = %(selection)s AND created_at <= %(created_at)s
ORDER BY finished_at DESC
LIMIT 1
