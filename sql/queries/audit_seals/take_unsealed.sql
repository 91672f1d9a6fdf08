-- Takes the next entries of a chain off the queue, as the texts that a seal covers. Guard: committed, there and not sealed.
WITH next AS (
    SELECT q.chain, q.at, q.audit_id
    FROM scheduler.audit_unsealed AS q
    WHERE q.chain = %(chain)s AND EXISTS (SELECT FROM scheduler.audit AS a WHERE a.id = q.audit_id)
    ORDER BY q.at, q.audit_id
    LIMIT %(limit)s),
taken AS (
    DELETE FROM scheduler.audit_unsealed AS q USING next
    WHERE q.chain = next.chain AND q.at = next.at AND q.audit_id = next.audit_id
    RETURNING q.at, q.audit_id)
SELECT a.id AS audit_id, ARRAY[
    a.id::text, a.tenant_id, trunc(extract(epoch FROM a.at) * 1000000)::text, a.actor, a.action, a.entity, a.entity_id,
    a.old::text, a.new::text, a.correlation_id::text] AS content
FROM taken
JOIN scheduler.audit AS a ON a.id = taken.audit_id
WHERE NOT EXISTS (SELECT FROM scheduler.audit_seals AS s WHERE s.audit_id = a.id)
ORDER BY taken.at, taken.audit_id
