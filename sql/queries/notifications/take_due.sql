-- Begins the delivery of what waits for it, the longest waiting first. Guard: nobody else is at it; it is due again if this delivery is cut off.
-- MATERIALIZED: evaluated once whatever the plan, so that no more than the limit is locked and taken.
WITH due AS MATERIALIZED (
    SELECT w.tenant_id, w.id
    FROM scheduler.notifications AS w
    WHERE w.delivered_at IS NULL AND w.given_up_at IS NULL AND w.available_at <= %(now)s
    ORDER BY w.available_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE scheduler.notifications AS n
SET attempts = n.attempts + 1, available_at = %(until)s
FROM due
WHERE n.tenant_id = due.tenant_id AND n.id = due.id
RETURNING n.tenant_id, n.id, n.kind, n.subject, n.message, n.created_at, n.attempts, n.available_at, n.delivered_at,
    n.given_up_at, n.error
