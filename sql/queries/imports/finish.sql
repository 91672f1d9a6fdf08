-- Ends an import. Guard: unfinished, and read up to where its publisher read it.
UPDATE inventory.advisory_imports
SET finished_at = %(now)s, touched_at = %(now)s, revision = %(revision)s
WHERE id = %(id)s AND finished_at IS NULL AND records = %(records)s
