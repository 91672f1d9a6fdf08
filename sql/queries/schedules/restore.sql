-- Makes a deleted schedule live again. Guard: the version it was read at, deleted, unique name; returns the new version.
UPDATE scheduler.schedules
SET deleted_at = NULL, deleted_by = NULL, version = version + 1, updated_at = %(now)s, updated_by = %(actor)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND version = %(version)s AND deleted_at IS NOT NULL
RETURNING version
