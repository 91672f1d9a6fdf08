-- A page of what imports of a tenant left out, the newest import first, in the order in which they did.
SELECT kind, import_id, record, file, line, path, reason, at
FROM inventory.tenant_quarantine
WHERE tenant_id = %(tenant_id)s
    AND (%(after_import_id)s::uuid IS NULL OR import_id < %(after_import_id)s
        OR import_id = %(after_import_id)s AND record > %(after_record)s::bigint)
ORDER BY import_id DESC, record
LIMIT %(limit)s
