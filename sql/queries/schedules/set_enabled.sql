-- Pauses or resumes a schedule. Guard: the version it was read at, the other state, and not deleted; returns the new version.
UPDATE scheduler.schedules
SET enabled = %(enabled)s, paused_reason = %(reason)s, version = version + 1, updated_at = %(now)s, updated_by = %(actor)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND version = %(version)s AND enabled <> %(enabled)s AND deleted_at IS NULL
RETURNING version
