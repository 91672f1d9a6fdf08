-- The schedules whose completed runs the triggers of a schedule wait for.
SELECT s.id
FROM scheduler.triggers AS g
JOIN scheduler.schedules AS s ON s.tenant_id = g.tenant_id AND s.deleted_at IS NULL AND g.event = 'run_completed:' || s.name
WHERE g.tenant_id = %(tenant_id)s AND g.schedule_id = %(schedule_id)s AND g.deleted_at IS NULL AND s.kind = 'impact'
ORDER BY s.id
