-- Deletes what an import staged. Guard: it was finished in this transaction.
DELETE FROM inventory.staged_advisories
WHERE import_id = %(import_id)s
