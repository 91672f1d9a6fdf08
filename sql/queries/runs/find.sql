-- Whether a run of a tenant exists, by its whole id.
SELECT id
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
