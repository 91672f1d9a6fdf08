-- One tenant by its id.
SELECT tenant_id, display_name, max_concurrent_runs, created_at, created_by
FROM scheduler.tenants
WHERE tenant_id = %(tenant_id)s
