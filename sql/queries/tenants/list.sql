-- Every tenant this transaction may see.
SELECT tenant_id, display_name, max_concurrent_runs, created_at, created_by
FROM scheduler.tenants
ORDER BY tenant_id
