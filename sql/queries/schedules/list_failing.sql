-- Active schedules whose last runs all failed, as many in a row as pause them, counted since their last edit.
SELECT s.tenant_id, s.id
FROM scheduler.schedules AS s
WHERE s.enabled AND s.deleted_at IS NULL AND s.pause_after_failures IS NOT NULL
  AND s.pause_after_failures = (
        SELECT count(*) FILTER (WHERE last.state = 'failed')
        FROM (
            SELECT r.state
            FROM scheduler.runs AS r
            WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND r.finished_at > s.updated_at
              AND r.state IN ('completed', 'failed')
            ORDER BY r.finished_at DESC, r.id DESC
            LIMIT s.pause_after_failures) AS last)
ORDER BY s.tenant_id, s.id
LIMIT %(limit)s
