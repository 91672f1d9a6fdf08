-- Deletes a tenant's rows, as far as this transaction may. Guard: only that tenant's; row-level security is what is tried.
DELETE FROM {table} WHERE tenant_id = %(tenant)s
