-- The first day (UTC) from an instant on in which a run of a tenant ended, or of which it has a summary.
SELECT date_trunc('day', least(
    (SELECT min(finished_at) FROM scheduler.runs
     WHERE tenant_id = %(tenant_id)s AND finished_at >= %(since)s),
    (SELECT min(bucket) FROM scheduler.run_summaries
     WHERE tenant_id = %(tenant_id)s AND granularity = 'hour' AND bucket >= %(since)s),
    (SELECT min(bucket) FROM scheduler.run_summaries
     WHERE tenant_id = %(tenant_id)s AND granularity = 'day' AND bucket >= %(since)s)), 'UTC')
