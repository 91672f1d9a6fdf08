-- Events that triggers have not accounted for yet, the oldest first, at most so many of each trigger.
SELECT e.tenant_id, e.trigger_id, e.at
FROM unnest(%(tenants)s::text[], %(triggers)s::uuid[]) AS locked (tenant_id, trigger_id)
CROSS JOIN LATERAL (
    SELECT w.tenant_id, w.trigger_id, w.at
    FROM scheduler.trigger_events AS w
    WHERE w.tenant_id = locked.tenant_id AND w.trigger_id = locked.trigger_id AND w.handled_at IS NULL
    ORDER BY w.at
    LIMIT %(limit)s) AS e
ORDER BY e.tenant_id, e.trigger_id, e.at
