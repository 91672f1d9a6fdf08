-- Deletes events of a tenant that were accounted for before an instant, at most a batch. Guard: handled_at is set.
-- MATERIALIZED: evaluated once whatever the plan, so that no more than the limit is locked and taken.
WITH past AS MATERIALIZED (
    SELECT e.trigger_id, e.at
    FROM scheduler.trigger_events AS e
    WHERE e.tenant_id = %(tenant_id)s AND e.handled_at < %(before)s
    ORDER BY e.handled_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM scheduler.trigger_events AS e
USING past
WHERE e.tenant_id = %(tenant_id)s AND e.trigger_id = past.trigger_id AND e.at = past.at
