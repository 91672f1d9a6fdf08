-- A page of what imports left out, of one import or all, the newest import first, in the order of its records.
SELECT i.kind, q.import_id, q.record, q.file, q.line, q.path, q.reason, q.at
FROM inventory.quarantine AS q
JOIN inventory.advisory_imports AS i ON i.id = q.import_id
WHERE (%(import_id)s::uuid IS NULL OR q.import_id = %(import_id)s)
    AND (%(after_import_id)s::uuid IS NULL OR q.import_id < %(after_import_id)s
        OR q.import_id = %(after_import_id)s AND q.record > %(after_record)s::bigint)
ORDER BY q.import_id DESC, q.record
LIMIT %(limit)s
