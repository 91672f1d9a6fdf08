-- Marks a calendar as deleted. Guard: the version it was read at, and not deleted yet; returns the new version.
UPDATE scheduler.calendars
SET deleted_at = %(now)s, deleted_by = %(actor)s, version = version + 1, updated_at = %(now)s, updated_by = %(actor)s
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version = %(version)s AND deleted_at IS NULL
RETURNING version
