-- Pending runs of a tenant in the order they are claimed, after a row: the rest of its priority, then the lower ones.
SELECT found.*
FROM (
    (SELECT r.*
    FROM scheduler.ledger AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.state = 'pending' AND r.priority = %(after_priority)s::bigint
      AND (r.scheduled_for, r.id) > (%(after_scheduled_for)s::timestamptz, %(after_id)s::uuid)
    ORDER BY r.scheduled_for, r.id
    LIMIT %(limit)s)
    UNION ALL
    (SELECT r.*
    FROM scheduler.ledger AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.state = 'pending'
      AND (%(after_priority)s::bigint IS NULL OR r.priority < %(after_priority)s)
    ORDER BY r.priority DESC, r.scheduled_for, r.id
    LIMIT %(limit)s)) AS found
ORDER BY found.priority DESC, found.scheduled_for, found.id
LIMIT %(limit)s
