-- Locks tenants with a run to launch and room for it, or to stop for a newer one, longest unserved first as lock_due does; without those that have something to fire. Guard: a tenant another claimer holds is left to it.
SELECT t.tenant_id
FROM scheduler.tenants AS t
WHERE EXISTS (
        SELECT FROM scheduler.runs AS r
        WHERE r.tenant_id = t.tenant_id AND r.state = 'pending'
          AND r.available_at < %(now)s + interval '10 years'
          AND (r.available_at <= %(now)s OR r.available_at = r.created_at OR r.available_at > %(now)s + interval '2 hours'))
  AND NOT EXISTS (
        SELECT FROM scheduler.triggers AS g
        WHERE g.tenant_id = t.tenant_id AND g.enabled AND g.next_due_at <= %(now)s)
  AND (t.max_concurrent_runs IS NULL
       OR t.max_concurrent_runs > (
            SELECT count(*) FROM scheduler.runs AS o
            WHERE o.tenant_id = t.tenant_id AND o.state IN ('queued', 'running'))
       OR EXISTS (
            SELECT FROM scheduler.runs AS o
            JOIN scheduler.schedules AS s ON s.tenant_id = o.tenant_id AND s.id = o.schedule_id
            WHERE o.tenant_id = t.tenant_id AND o.state = 'running' AND o.cancel_requested_at IS NULL
              AND s.overlap = 'cancel_running' AND EXISTS (
                    SELECT FROM scheduler.runs AS p
                    WHERE p.tenant_id = o.tenant_id AND p.schedule_id = o.schedule_id AND p.state = 'pending'
                      AND p.trigger_id IS NOT NULL)))
ORDER BY CASE WHEN t.claimed_at <= %(now)s THEN t.claimed_at END NULLS FIRST, t.tenant_id
LIMIT %(limit)s
FOR NO KEY UPDATE OF t SKIP LOCKED
