-- Runs of a tenant in some states, newest first, after a row: as many of each state by its index, then the first of those.
SELECT found.*
FROM unnest(%(states)s::text[]) AS wanted (state)
CROSS JOIN LATERAL (
    SELECT r.*
    FROM scheduler.ledger AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.state = wanted.state
      AND (%(after_id)s::uuid IS NULL OR (r.scheduled_for, r.id) < (%(after_scheduled_for)s::timestamptz, %(after_id)s::uuid))
      AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
      AND (%(trigger_kind)s::text IS NULL OR r.trigger_kind = %(trigger_kind)s)
      AND (%(schedule_id)s::uuid IS NULL OR r.schedule_id = %(schedule_id)s)
      AND (%(since)s::timestamptz IS NULL OR r.scheduled_for >= %(since)s)
      AND (coalesce(%(until)s::timestamptz, %(after_scheduled_for)s) IS NULL
           OR r.scheduled_for < least(%(until)s::timestamptz, %(after_scheduled_for)s::timestamptz + interval '1 microsecond'))
    ORDER BY r.scheduled_for DESC, r.id DESC
    LIMIT %(limit)s) AS found
ORDER BY found.scheduled_for DESC, found.id DESC
LIMIT %(limit)s
