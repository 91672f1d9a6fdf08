-- Chains with entries that wait for their seals, the longest waiting first. OFFSET 0: entries are looked up one by one, not all read.
SELECT q.chain
FROM scheduler.audit_unsealed AS q
WHERE EXISTS (SELECT FROM scheduler.audit AS a WHERE a.id = q.audit_id OFFSET 0)
GROUP BY q.chain
ORDER BY min(q.at), q.chain
