-- What one version of a schedule and its triggers said.
SELECT tenant_id, schedule_id, version, valid_from, changed_by, content
FROM scheduler.schedule_versions
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND version = %(version)s
