-- Locks the living schedules with a planned trigger that a calendar may move, in one order. Guard: waits for claims and edits of them.
SELECT s.id
FROM scheduler.schedules AS s
WHERE s.tenant_id = %(tenant_id)s AND s.deleted_at IS NULL AND s.id IN (
    SELECT g.schedule_id
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = %(tenant_id)s AND g.calendars <> '{}' AND g.deleted_at IS NULL AND %(name)s = ANY (g.calendars))
ORDER BY s.id
FOR NO KEY UPDATE OF s
