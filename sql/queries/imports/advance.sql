-- Counts a batch as read. Guard: the import is unfinished and was read up to just where the batch begins.
UPDATE inventory.advisory_imports
SET records = records + %(read)s, malformed = malformed + %(left_out)s, touched_at = %(now)s
WHERE id = %(id)s AND finished_at IS NULL AND records = %(records)s
RETURNING id, kind, source, fingerprint, records, malformed, revision, started_at, started_by, touched_at, finished_at
