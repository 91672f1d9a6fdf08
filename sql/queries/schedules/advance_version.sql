-- Counts an edit that changed only triggers. Guard: the version it was read at, and not deleted; returns the new version.
UPDATE scheduler.schedules
SET version = version + 1, updated_at = %(now)s, updated_by = %(actor)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND version = %(version)s AND deleted_at IS NULL
RETURNING version
