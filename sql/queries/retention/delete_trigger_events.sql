-- Deletes events of a tenant that were accounted for before an instant, at most a batch. Guard: handled_at is set.
DELETE FROM scheduler.trigger_events
WHERE tenant_id = %(tenant_id)s AND (trigger_id, at) IN (
    SELECT e.trigger_id, e.at
    FROM scheduler.trigger_events AS e
    WHERE e.tenant_id = %(tenant_id)s AND e.handled_at < %(before)s
    ORDER BY e.handled_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED)
