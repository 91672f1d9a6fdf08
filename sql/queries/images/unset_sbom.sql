-- Takes its SBOM from an image. Guard: sbom_id IS NOT NULL.
UPDATE inventory.images
SET sbom_id = NULL, updated_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND sbom_id IS NOT NULL
