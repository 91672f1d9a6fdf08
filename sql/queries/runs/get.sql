-- One run of a tenant.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(id)s
