-- What the tags of launches say: their tenants, runs, schedules and kinds of trigger.
SELECT l.id, l.kind, count(r.id)::integer AS run_count,
    array_agg(DISTINCT r.tenant_id) AS tenants,
    array_agg(r.id ORDER BY r.id) AS runs,
    coalesce(array_agg(DISTINCT s.name) FILTER (WHERE s.name IS NOT NULL), '{}') AS schedules,
    array_agg(DISTINCT r.trigger_kind) AS trigger_kinds
FROM scheduler.launches AS l
JOIN scheduler.runs AS r ON r.launch_id = l.id
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id
WHERE l.id = ANY(%(ids)s)
GROUP BY l.id, l.kind
ORDER BY l.id
