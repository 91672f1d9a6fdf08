-- What runs of a tenant said in a period, newest first; of one run, of one schedule, of these levels, with a text in the message or the fields.
SELECT run_id, attempt, line, at, level, message, fields
FROM scheduler.execution_logs AS l
WHERE tenant_id = %(tenant_id)s AND at >= %(since)s
  AND at < least(%(until)s::timestamptz, %(after_at)s::timestamptz + interval '1 microsecond')
  AND (%(after_at)s::timestamptz IS NULL
       OR (at, run_id, attempt, line) < (%(after_at)s, %(after_run_id)s::uuid, %(after_attempt)s::integer, %(after_line)s::integer))
  AND (%(run_id)s::uuid IS NULL OR run_id = %(run_id)s)
  AND (%(schedule_id)s::uuid IS NULL OR EXISTS (
    SELECT FROM scheduler.runs AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.id = l.run_id AND r.schedule_id = %(schedule_id)s))
  AND (%(levels)s::text[] IS NULL OR level = ANY(%(levels)s))
  AND (%(pattern)s::text IS NULL OR message ILIKE %(pattern)s OR fields::text ILIKE %(pattern)s)
ORDER BY at DESC, run_id DESC, attempt DESC, line DESC
LIMIT %(limit)s
