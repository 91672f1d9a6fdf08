-- Deletes an import that is refused, with what it staged and left out. Guard: unfinished.
DELETE FROM inventory.advisory_imports
WHERE id = %(id)s AND finished_at IS NULL
