-- The last link of a chain.
SELECT chain, seq, hash
FROM scheduler.audit_seals
WHERE chain = %(chain)s
ORDER BY seq DESC
LIMIT 1
