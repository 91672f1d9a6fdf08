-- How many runs of each locked schedule wait to begin what a new one would do, and how many others are open: also those that wait for another attempt, which does not see what came since its first, or have another selection.
SELECT locked.tenant_id, locked.schedule_id,
    count(*) FILTER (WHERE NOT waits) AS active,
    count(*) FILTER (WHERE waits) AS pending
FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS locked (tenant_id, schedule_id)
JOIN scheduler.schedules AS s ON s.tenant_id = locked.tenant_id AND s.id = locked.schedule_id
JOIN scheduler.runs AS r ON r.tenant_id = locked.tenant_id AND r.schedule_id = locked.schedule_id
CROSS JOIN LATERAL (
    SELECT r.state = 'pending' AND r.events_seen IS NULL AND r.selection = s.selection
        AND (r.kind, r.mode) IS NOT DISTINCT FROM (s.kind, s.mode)) AS at (waits)
WHERE r.state IN ('pending', 'queued', 'running')
GROUP BY locked.tenant_id, locked.schedule_id
