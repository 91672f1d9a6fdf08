-- Records an event for every active trigger that waits for it and may still fire, of one tenant or of all, makes these due and counts it for their schedules. Guard: none is under edit or in a claim.
WITH waiting AS (
    SELECT g.tenant_id, g.id, g.schedule_id
    FROM scheduler.tenants AS t
    JOIN scheduler.triggers AS g ON g.tenant_id = t.tenant_id
    JOIN scheduler.schedules AS s ON s.tenant_id = g.tenant_id AND s.id = g.schedule_id
    WHERE g.event = %(event)s AND g.deleted_at IS NULL AND g.enabled AND s.enabled AND s.deleted_at IS NULL
      AND (g.max_fires IS NULL OR g.fire_count < g.max_fires)
      AND (%(of_tenant)s::text IS NULL OR t.tenant_id = %(of_tenant)s)
    ORDER BY s.tenant_id, s.id, g.id
    FOR NO KEY UPDATE OF s, g),
recorded AS (
    INSERT INTO scheduler.trigger_events (tenant_id, trigger_id, at, event)
    SELECT w.tenant_id, w.id, %(now)s, %(event)s
    FROM waiting AS w
    ON CONFLICT DO NOTHING),
counted AS (
    UPDATE scheduler.schedules AS s
    SET events = s.events + 1
    FROM (SELECT DISTINCT w.tenant_id, w.schedule_id FROM waiting AS w) AS told
    WHERE s.tenant_id = told.tenant_id AND s.id = told.schedule_id)
UPDATE scheduler.triggers AS g
SET next_fire_at = least(g.next_fire_at, %(now)s), updated_at = greatest(g.updated_at, %(now)s),
    due_delay = CASE WHEN g.next_fire_at <= %(now)s THEN g.due_delay ELSE '0 seconds' END
FROM waiting AS w
WHERE g.tenant_id = w.tenant_id AND g.id = w.id
