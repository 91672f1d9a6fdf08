-- The schedules of a tenant, deleted ones too, in the order of their ids, after one of them; and since when the ledger is whole.
SELECT s.tenant_id, s.id, s.name, t.ledger_since
FROM scheduler.schedules AS s
JOIN scheduler.tenants AS t ON t.tenant_id = s.tenant_id
WHERE s.tenant_id = %(tenant_id)s
  AND (%(name)s::text IS NULL OR s.name = %(name)s)
  AND (%(after_id)s::uuid IS NULL OR s.id > %(after_id)s)
ORDER BY s.id
LIMIT %(limit)s
