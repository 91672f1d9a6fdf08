-- The first occurrence of the skipped ranges of a schedule that contain an instant.
SELECT skipped_first
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND finished_at >= %(since)s
  AND state = 'skipped' AND skipped_first <= %(since)s AND skipped_last >= %(since)s
ORDER BY skipped_first
LIMIT 1
