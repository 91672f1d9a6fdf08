-- Adds a trigger to a schedule. Guard: the composite foreign key keeps it within the tenant.
INSERT INTO scheduler.triggers (
    tenant_id, id, schedule_id, kind, cron, timezone, dst_gap, dst_overlap, every, anchor, at, event, day_match, jitter,
    calendars, max_fires, enabled, next_fire_at, due_delay, created_at, updated_at)
VALUES (
    %(tenant_id)s, %(id)s, %(schedule_id)s, %(kind)s, %(cron)s, %(timezone)s, %(dst_gap)s, %(dst_overlap)s, %(every)s,
    %(anchor)s, %(at)s, %(event)s, %(day_match)s, %(jitter)s, %(calendars)s, %(max_fires)s, %(enabled)s, %(next_fire_at)s,
    %(due_delay)s, %(created_at)s, %(updated_at)s)
