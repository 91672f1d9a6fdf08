-- What one version of a calendar said.
SELECT tenant_id, name, version, valid_from, changed_by, content
FROM scheduler.calendar_versions
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version = %(version)s
