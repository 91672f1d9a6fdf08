-- Runs of a tenant, newest first, before an id.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.tenant_id = %(tenant_id)s
  AND (%(before)s::uuid IS NULL OR r.id < %(before)s)
  AND (%(state)s::text IS NULL OR r.state = %(state)s)
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
  AND (%(trigger_kind)s::text IS NULL OR r.trigger_kind = %(trigger_kind)s)
  AND (%(schedule_id)s::uuid IS NULL OR r.schedule_id = %(schedule_id)s)
ORDER BY r.id DESC
LIMIT %(limit)s
