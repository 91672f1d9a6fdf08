-- One edit of a tenant.
SELECT id, tenant_id, at, actor, action, entity, entity_id, old, new, correlation_id
FROM scheduler.audit
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
