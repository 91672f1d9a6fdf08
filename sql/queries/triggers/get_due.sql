-- The due triggers of a tenant's active schedules, the longest due first.
SELECT g.tenant_id, g.id, g.schedule_id, g.kind, g.cron, g.timezone, g.dst_gap, g.dst_overlap, g.every, g.anchor, g.at,
    g.event, g.day_match, g.jitter, g.calendars,
    g.max_fires, g.due_delay, g.next_due_at, g.enabled, g.next_fire_at, g.last_fire_at, g.fire_count, g.misfire_count, g.created_at, g.updated_at
FROM scheduler.triggers AS g
JOIN scheduler.schedules AS s ON s.tenant_id = g.tenant_id AND s.id = g.schedule_id
WHERE g.tenant_id = %(tenant_id)s AND g.enabled AND g.next_due_at <= %(now)s
  AND s.enabled AND s.deleted_at IS NULL
ORDER BY g.next_due_at, g.id
LIMIT %(limit)s
