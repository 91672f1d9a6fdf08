-- Adds a calendar; a deleted one of its name comes back as this one, not before it was deleted. Guard: no living one has the name; returns the row.
INSERT INTO scheduler.calendars AS c (
    tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by)
VALUES (
    %(tenant_id)s, %(name)s, %(description)s, %(mode)s, %(timezone)s, %(on_excluded)s, %(entries)s, 1, %(created_at)s,
    %(created_by)s, %(updated_at)s, %(updated_by)s)
ON CONFLICT (tenant_id, name) DO UPDATE
SET description = excluded.description, mode = excluded.mode, timezone = excluded.timezone,
    on_excluded = excluded.on_excluded, entries = excluded.entries, version = c.version + 1,
    created_at = greatest(excluded.created_at, c.updated_at), created_by = excluded.created_by,
    updated_at = greatest(excluded.updated_at, c.updated_at), updated_by = excluded.updated_by,
    deleted_at = NULL, deleted_by = NULL
WHERE c.deleted_at IS NOT NULL
RETURNING tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by
