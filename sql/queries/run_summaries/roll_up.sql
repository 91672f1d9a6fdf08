-- Computes one schedule's hour and day from its runs. Guard: computed whole from runs, so a repeat changes nothing.
INSERT INTO scheduler.run_summaries (
    tenant_id, schedule_id, kind, granularity, bucket, completed, failed, cancelled, skipped, duration_min, duration_avg,
    duration_max, duration_p95, lateness_avg, lateness_max, lateness_p95, deltas, updated_at)
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
            FROM scheduler.runs AS c
            CROSS JOIN LATERAL jsonb_each_text(c.deltas) AS d
            WHERE c.tenant_id = %(tenant_id)s AND c.schedule_id IS NOT DISTINCT FROM %(schedule_id)s::uuid
              AND c.kind = %(kind)s AND c.finished_at >= period.bucket AND c.finished_at < period.bucket + period.length
            GROUP BY d.key) AS total), '{}'),
    %(now)s
FROM (VALUES ('hour', date_trunc('hour', %(at)s::timestamptz, 'UTC'), interval '1 hour'),
             ('day', date_trunc('day', %(at)s::timestamptz, 'UTC'), interval '1 day')) AS period (granularity, bucket, length)
JOIN scheduler.runs AS r
    ON r.tenant_id = %(tenant_id)s AND r.schedule_id IS NOT DISTINCT FROM %(schedule_id)s::uuid AND r.kind = %(kind)s
   AND r.finished_at >= period.bucket AND r.finished_at < period.bucket + period.length
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.state IN ('completed', 'failed') THEN extract(epoch FROM r.finished_at - r.started_at)::float8 END AS seconds,
           CASE WHEN r.started_at IS NOT NULL THEN extract(epoch FROM r.started_at - r.scheduled_for)::float8 END AS late) AS took
GROUP BY period.granularity, period.bucket, period.length
ON CONFLICT (tenant_id, schedule_id, kind, granularity, bucket) DO UPDATE
SET completed = excluded.completed, failed = excluded.failed, cancelled = excluded.cancelled, skipped = excluded.skipped,
    duration_min = excluded.duration_min, duration_avg = excluded.duration_avg, duration_max = excluded.duration_max,
    duration_p95 = excluded.duration_p95, lateness_avg = excluded.lateness_avg, lateness_max = excluded.lateness_max,
    lateness_p95 = excluded.lateness_p95, deltas = excluded.deltas, updated_at = excluded.updated_at
