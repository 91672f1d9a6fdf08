-- Gives a trigger another rule and plan. Guard: not deleted, nor its schedule, which is at the expected version.
UPDATE scheduler.triggers AS g
SET kind = %(kind)s, cron = %(cron)s, timezone = %(timezone)s, dst_gap = %(dst_gap)s, dst_overlap = %(dst_overlap)s,
    every = %(every)s, anchor = %(anchor)s, at = %(at)s, event = %(event)s, day_match = %(day_match)s, jitter = %(jitter)s,
    calendars = %(calendars)s, max_fires = %(max_fires)s, next_fire_at = %(next_fire_at)s, due_delay = %(due_delay)s,
    updated_at = %(now)s
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(id)s AND g.deleted_at IS NULL AND EXISTS (
    SELECT FROM scheduler.schedules AS s
    WHERE s.tenant_id = g.tenant_id AND s.id = g.schedule_id AND s.version = %(version)s AND s.deleted_at IS NULL)
RETURNING tenant_id, id, schedule_id, kind, cron, timezone, dst_gap, dst_overlap, every, anchor, at, event, day_match, jitter, calendars,
    max_fires, due_delay, next_due_at, enabled,
    next_fire_at, last_fire_at, fire_count, misfire_count, created_at, updated_at, deleted_at
