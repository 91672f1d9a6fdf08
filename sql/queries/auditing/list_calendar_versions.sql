-- The versions of some calendars, over their deletions, oldest first, each with its edit's id in the audit.
SELECT v.tenant_id, v.name, v.version, v.valid_from, v.content, (
    SELECT e.id
    FROM scheduler.audit AS e
    WHERE e.tenant_id = v.tenant_id AND e.entity_id = v.name AND e.at = v.valid_from AND e.entity = 'calendar'
    ORDER BY e.id
    OFFSET v.place - 1
    LIMIT 1) AS edit_id
FROM (
    SELECT tenant_id, name, version, valid_from, content,
        row_number() OVER (PARTITION BY name, valid_from ORDER BY version) AS place
    FROM scheduler.calendar_versions
    WHERE tenant_id = %(tenant_id)s AND name = ANY(%(names)s::text[])) AS v
ORDER BY v.name, v.version
