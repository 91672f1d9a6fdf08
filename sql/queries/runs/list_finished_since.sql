-- Runs of a tenant that ended after an instant, in the order they ended.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.tenant_id = %(tenant_id)s AND r.finished_at > %(since)s
ORDER BY r.finished_at, r.id
LIMIT %(limit)s
