-- The document of an SBOM, compressed with zlib, and its digest.
SELECT content, digest
FROM inventory.sboms
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
