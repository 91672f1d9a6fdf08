-- Runs of a tenant whose id begins or ends with some digits, newest first; people name runs by a short form.
SELECT r.id
FROM scheduler.runs AS r
WHERE r.tenant_id = %(tenant_id)s AND (r.id::text LIKE %(prefix)s || '%%' OR r.id::text LIKE '%%' || %(prefix)s)
ORDER BY r.id DESC
LIMIT %(limit)s
