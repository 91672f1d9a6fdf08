-- The versions of a calendar, over its deletions, newest first, after one of them.
SELECT tenant_id, name, version, valid_from, changed_by, content
FROM scheduler.calendar_versions
WHERE tenant_id = %(tenant_id)s AND name = %(name)s
  AND (%(after_version)s::bigint IS NULL OR version < %(after_version)s)
ORDER BY version DESC
LIMIT %(limit)s
