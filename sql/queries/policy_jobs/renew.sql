-- Lets leases last longer. Guard: status = 'running' under this worker's lease of this attempt; returns the ids renewed.
UPDATE scheduler.policy_jobs AS j
SET lease_expires_at = greatest(j.lease_expires_at, %(now)s + %(lease)s::interval)
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS held (id, attempts)
WHERE j.tenant_id = %(tenant_id)s AND j.id = held.id AND j.status = 'running' AND j.lease_owner = %(worker)s
    AND j.attempts = held.attempts
RETURNING j.id
