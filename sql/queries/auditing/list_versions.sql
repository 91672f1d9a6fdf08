-- The versions of a schedule, oldest first, after one of them.
SELECT tenant_id, schedule_id, version, valid_from, changed_by, content
FROM scheduler.schedule_versions
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s
  AND (%(after_version)s::bigint IS NULL OR version > %(after_version)s)
ORDER BY version
LIMIT %(limit)s
