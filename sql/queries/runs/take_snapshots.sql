-- Has a run evaluate what completed runs of the schedules that its own waits for found, since an instant, and no completed run of its schedule by the same selection took; another attempt goes on with what the first took. Guard: state = 'running' and its fencing token.
UPDATE scheduler.runs AS r
SET snapshots = coalesce(r.snapshots, ARRAY(
    SELECT s.id
    FROM scheduler.runs AS f
    JOIN scheduler.impact_snapshots AS s ON s.tenant_id = f.tenant_id AND s.run_id = f.id
    WHERE f.tenant_id = r.tenant_id AND f.schedule_id = ANY(%(schedules)s) AND f.state = 'completed'
      AND f.finished_at >= %(since)s AND NOT EXISTS (
        SELECT FROM scheduler.runs AS c
        WHERE c.tenant_id = r.tenant_id AND c.schedule_id = r.schedule_id AND c.state = 'completed'
          AND c.finished_at >= %(since)s AND c.snapshots @> ARRAY[s.id]
          AND c.selection = r.selection AND c.mode IS DISTINCT FROM 'simulate')
    ORDER BY s.id))
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(id)s AND r.state = 'running' AND r.fencing_token = %(token)s
RETURNING r.snapshots
