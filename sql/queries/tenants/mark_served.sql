-- Moves served tenants to the end of the line. Guard: the caller holds their rows locked.
UPDATE scheduler.tenants
SET claimed_at = %(now)s
WHERE tenant_id = ANY(%(tenants)s)
