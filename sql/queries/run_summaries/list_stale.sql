-- Schedules and hours with a run skipped or cancelled since an instant, the longest not computed first: such runs may end without an attempt that rolls them up.
SELECT ended.tenant_id, ended.schedule_id, ended.kind, ended.bucket
FROM (
    SELECT DISTINCT r.tenant_id, r.schedule_id, r.kind, date_trunc('hour', r.finished_at, 'UTC') AS bucket
    FROM scheduler.runs AS r
    WHERE r.state IN ('skipped', 'cancelled') AND r.finished_at >= %(since)s) AS ended
LEFT JOIN scheduler.run_summaries AS s
    ON s.tenant_id = ended.tenant_id AND s.granularity = 'hour' AND s.bucket = ended.bucket
   AND s.kind = ended.kind AND s.schedule_id IS NOT DISTINCT FROM ended.schedule_id
ORDER BY s.updated_at NULLS FIRST, ended.tenant_id, ended.schedule_id
LIMIT %(limit)s
