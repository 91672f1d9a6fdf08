-- Keeps an SBOM. Guard: unique by image and digest.
INSERT INTO inventory.sboms (
    tenant_id, id, image_id, digest, spec_version, serial_number, component_count, dependency_count, content, ingested_at,
    ingested_by)
VALUES (
    %(tenant_id)s, %(id)s, %(image_id)s, %(digest)s, %(spec_version)s, %(serial_number)s, %(component_count)s,
    %(dependency_count)s, %(content)s, %(now)s, %(actor)s)
