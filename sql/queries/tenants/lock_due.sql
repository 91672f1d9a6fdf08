-- Locks tenants with something to fire or to launch, longest unserved first. Guard: a tenant another claimer holds is left to it.
SELECT t.tenant_id
FROM scheduler.tenants AS t
WHERE EXISTS (
        SELECT FROM scheduler.triggers AS g
        WHERE g.tenant_id = t.tenant_id AND g.enabled AND g.next_due_at <= %(now)s)
   OR EXISTS (
        SELECT FROM scheduler.runs AS r
        WHERE r.tenant_id = t.tenant_id AND r.state = 'pending' AND r.available_at <= %(now)s)
ORDER BY t.claimed_at NULLS FIRST, t.tenant_id
LIMIT %(limit)s
FOR NO KEY UPDATE OF t SKIP LOCKED
