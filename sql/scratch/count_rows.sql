-- How many rows of a table belong to a tenant, as far as this transaction sees them.
SELECT count(*) FROM {table} WHERE tenant_id = %(tenant)s
