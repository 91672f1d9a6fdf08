-- Schedules and hours with a run skipped or cancelled since an instant and not computed well after its end, the longest not computed first: such runs may end without an attempt that rolls them up.
SELECT ended.tenant_id, ended.schedule_id, ended.kind, ended.bucket
FROM (
    SELECT r.tenant_id, r.schedule_id, r.kind, date_trunc('hour', r.finished_at, 'UTC') AS bucket,
        max(r.finished_at) AS last_at
    FROM scheduler.runs AS r
    WHERE r.state IN ('skipped', 'cancelled') AND r.finished_at >= %(since)s
    GROUP BY r.tenant_id, r.schedule_id, r.kind, date_trunc('hour', r.finished_at, 'UTC')) AS ended
LEFT JOIN LATERAL (
    SELECT h.updated_at
    FROM scheduler.run_summaries AS h
    WHERE h.tenant_id = ended.tenant_id AND h.schedule_id = ended.schedule_id AND h.kind = ended.kind
      AND h.granularity = 'hour' AND h.bucket = ended.bucket
    UNION ALL
    SELECT h.updated_at
    FROM scheduler.run_summaries AS h
    WHERE h.tenant_id = ended.tenant_id AND h.schedule_id IS NULL AND ended.schedule_id IS NULL AND h.kind = ended.kind
      AND h.granularity = 'hour' AND h.bucket = ended.bucket) AS s ON true
WHERE s.updated_at IS NULL OR s.updated_at < ended.last_at + %(settled)s::interval
ORDER BY s.updated_at NULLS FIRST, ended.tenant_id, ended.schedule_id
LIMIT %(limit)s
