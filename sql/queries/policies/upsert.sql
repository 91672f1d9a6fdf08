-- Adds a policy or moves it on to its next revision, also one that was removed. Guard: unique by name; returns the revision to write.
INSERT INTO inventory.policies (tenant_id, id, name, revision, created_at, updated_at)
VALUES (%(tenant_id)s, %(id)s, %(name)s, 1, %(now)s, %(now)s)
ON CONFLICT (tenant_id, name) DO UPDATE SET revision = policies.revision + 1, updated_at = excluded.updated_at,
    deleted_at = NULL
RETURNING id, revision
