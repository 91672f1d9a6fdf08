-- Plans or unplans a trigger after an edit of its schedule. Guard: not deleted; the caller holds the schedule locked.
UPDATE scheduler.triggers
SET next_fire_at = %(next_fire_at)s, due_delay = %(due_delay)s, updated_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND deleted_at IS NULL
