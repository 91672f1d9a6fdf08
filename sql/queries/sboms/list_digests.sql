-- The digests of SBOMs.
SELECT id, digest
FROM inventory.sboms
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s)
