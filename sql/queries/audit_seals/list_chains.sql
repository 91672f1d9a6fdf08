-- Every chain that has a link or an entry, sealed or not.
SELECT chain FROM scheduler.audit_seals
UNION SELECT chain FROM scheduler.audit_unsealed
UNION SELECT coalesce(tenant_id, '') FROM scheduler.audit
ORDER BY chain
