-- The living schedules of a tenant that have a living trigger with a calendar, by name. OFFSET 0: looked up one by one.
SELECT s.name
FROM (
    SELECT DISTINCT g.schedule_id
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = %(tenant_id)s AND g.calendars <> '{}' AND %(name)s = ANY (g.calendars)
      AND g.deleted_at IS NULL) AS used
CROSS JOIN LATERAL (
    SELECT a.name
    FROM scheduler.schedules AS a
    WHERE a.tenant_id = %(tenant_id)s AND a.id = used.schedule_id AND a.deleted_at IS NULL
    OFFSET 0) AS s
ORDER BY s.name
LIMIT %(limit)s
