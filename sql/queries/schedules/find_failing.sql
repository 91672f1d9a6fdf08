-- Whether a schedule is active and its last runs all failed, as many in a row as pause it, counted since its last edit.
SELECT s.id
FROM scheduler.schedules AS s
WHERE s.tenant_id = %(tenant_id)s AND s.id = %(id)s AND s.enabled AND s.deleted_at IS NULL AND s.pause_after_failures IS NOT NULL
  AND s.pause_after_failures = (
        SELECT count(*) FILTER (WHERE last.state = 'failed')
        FROM (
            SELECT r.state
            FROM scheduler.runs AS r
            WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND r.finished_at > s.updated_at
              AND r.state IN ('completed', 'failed')
            ORDER BY r.finished_at DESC, r.id DESC
            LIMIT s.pause_after_failures) AS last)
