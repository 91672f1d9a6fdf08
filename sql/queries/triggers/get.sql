-- One trigger of a tenant by its id, deleted or not.
SELECT tenant_id, id, schedule_id, kind, cron, timezone, dst_gap, dst_overlap, every, anchor, at, event, day_match, jitter, calendars,
    max_fires, due_delay, next_due_at, enabled,
    next_fire_at, last_fire_at, fire_count, misfire_count, created_at, updated_at, deleted_at
FROM scheduler.triggers
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
