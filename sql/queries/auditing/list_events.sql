-- What happened that some triggers waited for, in the order in which it did, after one of them.
SELECT e.tenant_id, e.trigger_id, e.at, e.handled_at
FROM scheduler.trigger_events AS e
WHERE e.tenant_id = %(tenant_id)s AND e.trigger_id = ANY(%(triggers)s::uuid[])
  AND e.at > %(since)s AND e.at <= %(until)s
  AND (%(after_trigger_id)s::uuid IS NULL OR (e.at, e.trigger_id) > (%(after_at)s, %(after_trigger_id)s))
ORDER BY e.at, e.trigger_id
LIMIT %(limit)s
