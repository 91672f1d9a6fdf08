-- Edits of every tenant and of none, newest first; for the system.
SELECT id, tenant_id, at, actor, action, entity, entity_id, old, new, correlation_id
FROM scheduler.audit
WHERE (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(entity_id)s::text IS NULL OR entity_id = %(entity_id)s)
  AND (%(actor)s::text IS NULL OR actor = %(actor)s)
  AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(correlation_id)s::uuid IS NULL OR correlation_id = %(correlation_id)s)
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
  AND (coalesce(%(until)s::timestamptz, %(after_at)s) IS NULL
       OR at < least(%(until)s::timestamptz, %(after_at)s::timestamptz + interval '1 microsecond'))
  AND (%(after_at)s::timestamptz IS NULL OR (at, id) < (%(after_at)s, %(after_id)s::uuid))
ORDER BY at DESC NULLS LAST, id DESC NULLS LAST
LIMIT %(limit)s
