-- Deletes what other imports of a tenant's source left out, also cut off ones. Guard: not of the import that replaces them.
DELETE FROM inventory.tenant_quarantine
WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s AND source = %(source)s AND import_id <> %(import_id)s
