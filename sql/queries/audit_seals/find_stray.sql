-- The first entry of a chain that is neither sealed nor queued.
SELECT a.id
FROM scheduler.audit AS a
WHERE (a.tenant_id = %(chain)s OR %(chain)s = '' AND a.tenant_id IS NULL)
  AND NOT EXISTS (SELECT FROM scheduler.audit_seals AS s WHERE s.chain = %(chain)s AND s.audit_id = a.id)
  AND NOT EXISTS (SELECT FROM scheduler.audit_unsealed AS q
                  WHERE q.chain = %(chain)s AND q.at = a.at AND q.audit_id = a.id)
ORDER BY a.at, a.id
LIMIT 1
