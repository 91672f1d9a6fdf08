-- Summaries of a tenant, newest bucket first.
SELECT tenant_id, schedule_id, kind, granularity, bucket, completed, failed, cancelled, skipped, duration_min, duration_avg,
    duration_max, duration_p95, lateness_avg, lateness_max, lateness_p95, deltas, updated_at
FROM scheduler.run_summaries
WHERE tenant_id = %(tenant_id)s AND granularity = %(granularity)s
  AND (%(schedule_id)s::uuid IS NULL OR schedule_id = %(schedule_id)s)
ORDER BY bucket DESC, schedule_id
LIMIT %(limit)s
