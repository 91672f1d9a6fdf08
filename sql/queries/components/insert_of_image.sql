-- Says that an image holds components. Guard: unique by component and image.
INSERT INTO inventory.image_components (tenant_id, component_id, image_id)
SELECT c.tenant_id, c.id, %(image_id)s
FROM inventory.component_versions AS c
WHERE c.tenant_id = %(tenant_id)s AND c.purl = ANY(%(purls)s)
ON CONFLICT DO NOTHING
