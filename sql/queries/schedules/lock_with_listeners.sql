-- Locks a living schedule and the living ones with a trigger that waits for an event, in one order. Guard: waits for claims and edits of them.
SELECT tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, max_runs_per_hour, only_if,
    enabled, paused_reason, version, created_at, created_by, updated_at, updated_by,
    deleted_at, deleted_by
FROM scheduler.schedules
WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL AND id IN (
    SELECT n.id
    FROM scheduler.schedules AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.name = %(name)s AND n.deleted_at IS NULL
    UNION ALL
    SELECT g.schedule_id
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = %(tenant_id)s AND g.event = %(event)s AND g.deleted_at IS NULL)
ORDER BY id
FOR NO KEY UPDATE
