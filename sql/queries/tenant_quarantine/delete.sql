-- Deletes what an import of a tenant left out, which is refused. Guard: only of that import.
DELETE FROM inventory.tenant_quarantine
WHERE tenant_id = %(tenant_id)s AND import_id = %(import_id)s
