-- Schedules and kinds with something ended, or a summary, in a day of a tenant.
SELECT schedule_id, kind
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND finished_at >= %(day)s AND finished_at < %(next_day)s
UNION
SELECT schedule_id, kind
FROM scheduler.run_summaries
WHERE tenant_id = %(tenant_id)s AND granularity IN ('hour', 'day') AND bucket >= %(day)s AND bucket < %(next_day)s
