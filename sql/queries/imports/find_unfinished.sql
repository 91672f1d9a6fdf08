-- An unfinished import as it is now.
SELECT id, kind, source, fingerprint, records, malformed, revision, started_at, started_by, touched_at, finished_at
FROM inventory.advisory_imports
WHERE id = %(id)s AND finished_at IS NULL
