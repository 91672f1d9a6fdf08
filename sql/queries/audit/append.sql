-- Records an edit. Guard: append-only.
INSERT INTO scheduler.audit (id, tenant_id, at, actor, action, entity, entity_id, old, new, correlation_id)
VALUES (%(id)s, %(tenant_id)s, %(at)s, %(actor)s, %(action)s, %(entity)s, %(entity_id)s, %(old)s, %(new)s, %(correlation_id)s)
