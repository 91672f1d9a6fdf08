-- Locks tenants with something to fire, longest unserved first; one served in the future, by a clock that was set back since, before all. Guard: a tenant another claimer holds is left to it.
SELECT t.tenant_id
FROM scheduler.tenants AS t
WHERE EXISTS (
    SELECT FROM scheduler.triggers AS g
    WHERE g.tenant_id = t.tenant_id AND g.enabled AND g.next_due_at <= %(now)s)
ORDER BY CASE WHEN t.claimed_at <= %(now)s THEN t.claimed_at END NULLS FIRST, t.tenant_id
LIMIT %(limit)s
FOR NO KEY UPDATE OF t SKIP LOCKED
