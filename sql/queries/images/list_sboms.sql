-- Which SBOM holds now for each of some images.
SELECT id, sbom_id
FROM inventory.images
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(images)s) AND sbom_id IS NOT NULL
