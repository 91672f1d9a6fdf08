-- What the people of a tenant were told or are to be told, newest first.
SELECT tenant_id, id, kind, subject, message, created_at, attempts, available_at, delivered_at, given_up_at, error
FROM scheduler.notifications
WHERE tenant_id = %(tenant_id)s
  AND (%(after_created_at)s::timestamptz IS NULL
       OR (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid))
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s
