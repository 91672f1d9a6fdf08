-- Since which day the ledger of a tenant is whole; NULL when nothing was ever pruned.
SELECT ledger_since
FROM scheduler.tenants
WHERE tenant_id = %(tenant_id)s
