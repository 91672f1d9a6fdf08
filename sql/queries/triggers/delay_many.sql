-- Makes planned occurrences due at another time. Guard: the occurrence the delay was computed for is still the next one.
UPDATE scheduler.triggers AS g
SET due_delay = moved.due_delay, updated_at = greatest(g.updated_at, %(now)s)
FROM unnest(%(tenants)s::text[], %(ids)s::uuid[], %(next_fire_at)s::timestamptz[], %(due_delay)s::interval[])
     AS moved (tenant_id, id, next_fire_at, due_delay)
WHERE g.tenant_id = moved.tenant_id AND g.id = moved.id AND g.next_fire_at = moved.next_fire_at
