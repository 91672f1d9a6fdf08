-- The SBOM ingested last under a serial number, and what its image is called.
SELECT i.registry, i.repository, i.tag, i.digest, s.content
FROM inventory.sboms AS s
JOIN inventory.images AS i ON i.tenant_id = s.tenant_id AND i.id = s.image_id
WHERE s.tenant_id = %(tenant_id)s AND lower(s.serial_number) = %(serial_number)s
ORDER BY s.ingested_at DESC, s.id DESC
LIMIT 1
