-- Adds a tenant. Guard: an existing tenant is left as it is and returns no row.
INSERT INTO scheduler.tenants (tenant_id, display_name, max_concurrent_runs, created_at, created_by)
VALUES (%(tenant_id)s, %(display_name)s, %(max_concurrent_runs)s, %(now)s, %(actor)s)
ON CONFLICT DO NOTHING
RETURNING tenant_id, display_name, max_concurrent_runs, created_at, created_by
