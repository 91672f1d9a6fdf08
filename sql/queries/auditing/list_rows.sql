-- The rows that account for occurrences of the triggers of a schedule, in the order of these, after one of them.
SELECT tenant_id, id, trigger_id, state, reason, scheduled_for, created_at, skipped_count, skipped_first, skipped_last,
    schedule_version
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s
  AND trigger_id IS NOT NULL AND trigger_kind IN ('cron', 'interval', 'once', 'event')
  AND scheduled_for >= %(since)s AND scheduled_for <= %(until)s
  AND (%(after_id)s::uuid IS NULL OR (scheduled_for, id) > (%(after_scheduled_for)s, %(after_id)s))
ORDER BY scheduled_for, id
LIMIT %(limit)s
