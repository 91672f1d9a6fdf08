-- Adds an image or brings its tag, namespace and labels up to date; NULL leaves these as they are. Guard: unique by registry, repository and digest, or tag without one.
INSERT INTO inventory.images (tenant_id, id, registry, repository, digest, tag, namespace, labels, created_at, updated_at)
VALUES (%(tenant_id)s, %(id)s, %(registry)s, %(repository)s, %(digest)s, %(tag)s, coalesce(%(namespace)s, 'default'),
    coalesce(%(labels)s, '{}'::jsonb), %(now)s, %(now)s)
ON CONFLICT (tenant_id, registry, repository, identity) DO UPDATE
SET tag = coalesce(excluded.tag, images.tag), namespace = coalesce(%(namespace)s, images.namespace),
    labels = coalesce(%(labels)s, images.labels), updated_at = excluded.updated_at
RETURNING tenant_id, id, registry, repository, digest, tag, namespace, labels, sbom_id
