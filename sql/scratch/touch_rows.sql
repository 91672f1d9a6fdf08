-- Writes a tenant's rows, as far as this transaction may. Guard: only that tenant's; row-level security is what is tried.
UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %(tenant)s
