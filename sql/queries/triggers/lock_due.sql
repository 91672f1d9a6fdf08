-- Locks and reads the due triggers of locked schedules, in turns between tenants. Guard: a trigger under edit is left to a later tick.
SELECT g.tenant_id, g.id, g.schedule_id, g.kind, g.cron, g.timezone, g.dst_gap, g.dst_overlap, g.every, g.anchor, g.at,
    g.event, g.day_match, g.jitter, g.calendars,
    g.max_fires, g.due_delay, g.next_due_at, g.enabled, g.next_fire_at, g.last_fire_at, g.fire_count, g.misfire_count, g.created_at, g.updated_at
FROM (
    SELECT d.tenant_id, d.id, row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.next_due_at, d.id) AS turn
    FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS locked (tenant_id, schedule_id)
    JOIN scheduler.triggers AS d ON d.tenant_id = locked.tenant_id AND d.schedule_id = locked.schedule_id
    WHERE d.enabled AND d.next_due_at <= %(now)s
    ORDER BY turn, d.tenant_id
    LIMIT %(limit)s) AS due
JOIN scheduler.triggers AS g ON g.tenant_id = due.tenant_id AND g.id = due.id
WHERE g.enabled AND g.next_due_at <= %(now)s
ORDER BY g.next_due_at, g.id
FOR NO KEY UPDATE OF g SKIP LOCKED
