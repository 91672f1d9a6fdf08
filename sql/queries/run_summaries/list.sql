-- Summaries of a tenant, newest bucket first, those without a schedule last in their bucket.
SELECT tenant_id, schedule_id, kind, granularity, bucket, completed, failed, cancelled, skipped, duration_min, duration_avg,
    duration_max, duration_p95, lateness_avg, lateness_max, lateness_p95, deltas, updated_at,
    coalesce(schedule_id, '00000000-0000-0000-0000-000000000000') AS schedule_key
FROM scheduler.run_summaries
WHERE tenant_id = %(tenant_id)s AND granularity = %(granularity)s
  AND (%(schedule_id)s::uuid IS NULL OR schedule_id = %(schedule_id)s)
  AND (%(after_bucket)s::timestamptz IS NULL OR bucket <= %(after_bucket)s)
  AND (%(after_bucket)s::timestamptz IS NULL
       OR (bucket, coalesce(schedule_id, '00000000-0000-0000-0000-000000000000'), kind)
          < (%(after_bucket)s, %(after_schedule_key)s::uuid, %(after_kind)s::text))
ORDER BY bucket DESC, schedule_key DESC, kind DESC
LIMIT %(limit)s
