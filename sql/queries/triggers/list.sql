-- Living triggers of a tenant, oldest first, after one of them.
SELECT tenant_id, id, schedule_id, kind, cron, timezone, dst_gap, dst_overlap, every, anchor, at, event, day_match, jitter, calendars,
    max_fires, due_delay, next_due_at, enabled,
    next_fire_at, last_fire_at, fire_count, misfire_count, created_at, updated_at
FROM scheduler.triggers
WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(enabled)s::boolean IS NULL OR enabled = %(enabled)s)
  AND (%(after_id)s::uuid IS NULL OR id > %(after_id)s)
ORDER BY id
LIMIT %(limit)s
