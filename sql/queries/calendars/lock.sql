-- Locks one living calendar for an edit. Guard: no trigger takes it, and nobody else edits it, until the edit is done.
SELECT tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by
FROM scheduler.calendars
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND deleted_at IS NULL
FOR UPDATE
