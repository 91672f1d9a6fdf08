-- Moves fired triggers on to their next occurrence. Guard: the caller holds them locked.
UPDATE scheduler.triggers AS g
SET next_fire_at = moved.next_fire_at,
    due_delay = moved.due_delay,
    last_fire_at = coalesce(moved.last_fire_at, g.last_fire_at),
    fire_count = g.fire_count + moved.fires,
    misfire_count = g.misfire_count + moved.misfires,
    updated_at = %(now)s
FROM unnest(%(tenants)s::text[], %(ids)s::uuid[], %(next_fire_at)s::timestamptz[], %(due_delay)s::interval[],
            %(last_fire_at)s::timestamptz[], %(fires)s::bigint[], %(misfires)s::bigint[])
     AS moved (tenant_id, id, next_fire_at, due_delay, last_fire_at, fires, misfires)
WHERE g.tenant_id = moved.tenant_id AND g.id = moved.id
