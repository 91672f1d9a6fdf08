-- An SBOM of an image by the digest of its content.
SELECT id
FROM inventory.sboms
WHERE tenant_id = %(tenant_id)s AND image_id = %(image_id)s AND digest = %(digest)s
