-- Edits of a tenant, newest first.
SELECT id, tenant_id, at, actor, action, entity, entity_id, old, new, correlation_id
FROM scheduler.audit
WHERE tenant_id = %(tenant_id)s
  AND (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(entity_id)s::text IS NULL OR entity_id = %(entity_id)s)
ORDER BY at DESC, id DESC
LIMIT %(limit)s
