-- Computes one schedule's hours and day from the runs that ended in the day. Guard: computed whole from runs, so a repeat changes nothing, and only while the ledger of that day is whole.
INSERT INTO scheduler.run_summaries (
    tenant_id, schedule_id, kind, granularity, bucket, completed, failed, cancelled, skipped, duration_min, duration_avg,
    duration_max, duration_p95, lateness_avg, lateness_max, lateness_p95, deltas, updated_at)
WITH ended AS (
    SELECT state, skipped_count, scheduled_for, started_at, finished_at, deltas
    FROM scheduler.runs
    WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s::uuid AND kind = %(kind)s
      AND finished_at >= %(day)s AND finished_at < %(next_day)s
    UNION ALL
    SELECT state, skipped_count, scheduled_for, started_at, finished_at, deltas
    FROM scheduler.runs
    WHERE tenant_id = %(tenant_id)s AND schedule_id IS NULL AND %(schedule_id)s::uuid IS NULL AND kind = %(kind)s
      AND finished_at >= %(day)s AND finished_at < %(next_day)s)
SELECT %(tenant_id)s, %(schedule_id)s::uuid, %(kind)s, period.granularity, period.bucket,
    count(*) FILTER (WHERE r.state = 'completed'),
    count(*) FILTER (WHERE r.state = 'failed'),
    count(*) FILTER (WHERE r.state = 'cancelled'),
    coalesce(sum(r.skipped_count), 0),
    min(took.seconds), avg(took.seconds), max(took.seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY took.seconds),
    avg(took.late), max(took.late), percentile_cont(0.95) WITHIN GROUP (ORDER BY took.late),
    coalesce((
        SELECT jsonb_object_agg(total.key, total.value)
        FROM (
            SELECT d.key, sum(d.value::bigint) AS value
            FROM ended AS c
            CROSS JOIN LATERAL jsonb_each_text(c.deltas) AS d
            WHERE c.finished_at >= period.bucket AND c.finished_at < period.bucket + period.length
            GROUP BY d.key) AS total), '{}'),
    %(now)s
FROM (
    SELECT 'day', %(day)s::timestamptz, interval '1 day'
    UNION ALL
    SELECT 'hour', hour, interval '1 hour' FROM unnest(%(hours)s::timestamptz[]) AS hour) AS period (granularity, bucket, length)
JOIN scheduler.tenants AS t ON t.tenant_id = %(tenant_id)s AND (t.ledger_since IS NULL OR t.ledger_since <= %(day)s)
JOIN ended AS r ON r.finished_at >= period.bucket AND r.finished_at < period.bucket + period.length
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.state IN ('completed', 'failed') THEN extract(epoch FROM r.finished_at - r.started_at)::float8 END AS seconds,
           CASE WHEN r.started_at IS NOT NULL THEN extract(epoch FROM r.started_at - r.scheduled_for)::float8 END AS late) AS took
GROUP BY period.granularity, period.bucket, period.length
ON CONFLICT (tenant_id, schedule_id, kind, granularity, bucket) DO UPDATE
SET completed = excluded.completed, failed = excluded.failed, cancelled = excluded.cancelled, skipped = excluded.skipped,
    duration_min = excluded.duration_min, duration_avg = excluded.duration_avg, duration_max = excluded.duration_max,
    duration_p95 = excluded.duration_p95, lateness_avg = excluded.lateness_avg, lateness_max = excluded.lateness_max,
    lateness_p95 = excluded.lateness_p95, deltas = excluded.deltas, updated_at = excluded.updated_at
