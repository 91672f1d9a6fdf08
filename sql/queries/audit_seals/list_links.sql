-- The links of a chain after one, each with its entry as the texts that the seal covers; NULL where that is gone.
SELECT s.seq, s.tenant_id, s.audit_id, s.previous_hash, s.hash,
    trunc(extract(epoch FROM s.sealed_at) * 1000000)::text AS sealed_at,
    CASE WHEN a.id IS NOT NULL THEN ARRAY[
        a.id::text, a.tenant_id, trunc(extract(epoch FROM a.at) * 1000000)::text, a.actor, a.action, a.entity, a.entity_id,
        a.old::text, a.new::text, a.correlation_id::text] END AS content
FROM scheduler.audit_seals AS s
LEFT JOIN scheduler.audit AS a ON a.id = s.audit_id
WHERE s.chain = %(chain)s AND s.seq > %(after)s
ORDER BY s.seq
LIMIT %(limit)s
