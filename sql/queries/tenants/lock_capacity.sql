-- Locks a tenant and reads its limit of runs at once; who counts its runs does so in a later statement.
SELECT max_concurrent_runs
FROM scheduler.tenants
WHERE tenant_id = %(tenant_id)s
FOR NO KEY UPDATE
