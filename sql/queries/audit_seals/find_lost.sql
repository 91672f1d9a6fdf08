-- The first queued entry of a chain that is gone.
SELECT q.audit_id
FROM scheduler.audit_unsealed AS q
WHERE q.chain = %(chain)s AND NOT EXISTS (SELECT FROM scheduler.audit AS a WHERE a.id = q.audit_id)
ORDER BY q.at, q.audit_id
LIMIT 1
