-- Runs of a tenant in any state, newest first, after a row.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.tenant_id = %(tenant_id)s
  AND (%(after_id)s::uuid IS NULL OR (r.scheduled_for, r.id) < (%(after_scheduled_for)s::timestamptz, %(after_id)s::uuid))
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
  AND (%(trigger_kind)s::text IS NULL OR r.trigger_kind = %(trigger_kind)s)
  AND (%(schedule_id)s::uuid IS NULL OR r.schedule_id = %(schedule_id)s)
  AND (%(since)s::timestamptz IS NULL OR r.scheduled_for >= %(since)s)
  AND (coalesce(%(until)s::timestamptz, %(after_scheduled_for)s) IS NULL
       OR r.scheduled_for < least(%(until)s::timestamptz, %(after_scheduled_for)s::timestamptz + interval '1 microsecond'))
ORDER BY r.scheduled_for DESC, r.id DESC
LIMIT %(limit)s
