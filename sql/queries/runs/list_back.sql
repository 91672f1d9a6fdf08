-- Runs of a tenant in any state, oldest first, after a row: list.sql backwards.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.tenant_id = %(tenant_id)s
  AND (%(after_id)s::uuid IS NULL OR (r.scheduled_for, r.id) > (%(after_scheduled_for)s::timestamptz, %(after_id)s::uuid))
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
  AND (%(trigger_kind)s::text IS NULL OR r.trigger_kind = %(trigger_kind)s)
  AND (%(schedule_id)s::uuid IS NULL OR r.schedule_id = %(schedule_id)s)
  AND (coalesce(%(since)s::timestamptz, %(after_scheduled_for)s) IS NULL
       OR r.scheduled_for >= greatest(%(since)s::timestamptz, %(after_scheduled_for)s::timestamptz))
  AND (%(until)s::timestamptz IS NULL OR r.scheduled_for < %(until)s)
ORDER BY r.scheduled_for, r.id
LIMIT %(limit)s
