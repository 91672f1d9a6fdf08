-- Makes an SBOM the one that holds for an image. Guard: the composite foreign key keeps it within the tenant.
UPDATE inventory.images
SET sbom_id = %(sbom_id)s, updated_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
