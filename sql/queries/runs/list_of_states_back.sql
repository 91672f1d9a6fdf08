-- Runs of a tenant in some states, oldest first, after a row: list_of_states.sql backwards.
SELECT found.*
FROM unnest(%(states)s::text[]) AS wanted (state)
CROSS JOIN LATERAL (
    SELECT r.*
    FROM scheduler.ledger AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.state = wanted.state
      AND (%(after_id)s::uuid IS NULL OR (r.scheduled_for, r.id) > (%(after_scheduled_for)s::timestamptz, %(after_id)s::uuid))
      AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
      AND (%(trigger_kind)s::text IS NULL OR r.trigger_kind = %(trigger_kind)s)
      AND (%(schedule_id)s::uuid IS NULL OR r.schedule_id = %(schedule_id)s)
      AND (coalesce(%(since)s::timestamptz, %(after_scheduled_for)s) IS NULL
           OR r.scheduled_for >= greatest(%(since)s::timestamptz, %(after_scheduled_for)s::timestamptz))
      AND (%(until)s::timestamptz IS NULL OR r.scheduled_for < %(until)s)
    ORDER BY r.scheduled_for, r.id
    LIMIT %(limit)s) AS found
ORDER BY found.scheduled_for, found.id
LIMIT %(limit)s
