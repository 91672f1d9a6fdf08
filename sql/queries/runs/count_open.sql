-- How many runs of each locked schedule are queued or running, and how many pending.
SELECT locked.tenant_id, locked.schedule_id,
    count(*) FILTER (WHERE r.state IN ('queued', 'running')) AS active,
    count(*) FILTER (WHERE r.state = 'pending') AS pending
FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS locked (tenant_id, schedule_id)
JOIN scheduler.runs AS r ON r.tenant_id = locked.tenant_id AND r.schedule_id = locked.schedule_id
WHERE r.state IN ('pending', 'queued', 'running')
GROUP BY locked.tenant_id, locked.schedule_id
