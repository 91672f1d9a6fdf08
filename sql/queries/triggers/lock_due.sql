-- Locks and reads the due triggers of locked schedules. Guard: a trigger under edit is left to a later tick.
SELECT g.tenant_id, g.id, g.schedule_id, g.kind, g.cron, g.timezone, g.dst_gap, g.dst_overlap, g.every, g.anchor, g.at,
    g.event, g.enabled, g.next_fire_at, g.last_fire_at, g.fire_count, g.misfire_count, g.created_at, g.updated_at
FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS locked (tenant_id, schedule_id)
JOIN scheduler.triggers AS g ON g.tenant_id = locked.tenant_id AND g.schedule_id = locked.schedule_id
WHERE g.enabled AND g.next_fire_at <= %(now)s
ORDER BY g.next_fire_at, g.id
LIMIT %(limit)s
FOR NO KEY UPDATE OF g SKIP LOCKED
