-- The versions of some calendars, over their deletions, oldest first.
SELECT tenant_id, name, version, valid_from, changed_by, content
FROM scheduler.calendar_versions
WHERE tenant_id = %(tenant_id)s AND name = ANY(%(names)s::text[])
ORDER BY name, version
