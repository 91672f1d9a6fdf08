-- Takes a trigger and its plan from its schedule. Guard: not deleted, nor its schedule, which is at the expected version.
UPDATE scheduler.triggers AS g
SET deleted_at = %(now)s, next_fire_at = NULL, updated_at = %(now)s
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(id)s AND g.deleted_at IS NULL AND EXISTS (
    SELECT FROM scheduler.schedules AS s
    WHERE s.tenant_id = g.tenant_id AND s.id = g.schedule_id AND s.version = %(version)s AND s.deleted_at IS NULL)
RETURNING tenant_id, id, schedule_id, kind, cron, timezone, dst_gap, dst_overlap, every, anchor, at, event, day_match, jitter, calendars,
    max_fires, due_delay, next_due_at, enabled,
    next_fire_at, last_fire_at, fire_count, misfire_count, created_at, updated_at, deleted_at
