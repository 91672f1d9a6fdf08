-- Writes every editable field of a calendar. Guard: the expected version, and not deleted; returns the row.
UPDATE scheduler.calendars
SET description = %(description)s, mode = %(mode)s, timezone = %(timezone)s, on_excluded = %(on_excluded)s,
    entries = %(entries)s, version = version + 1, updated_at = %(updated_at)s, updated_by = %(updated_by)s
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version = %(expected)s AND deleted_at IS NULL
RETURNING tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by
