-- What a run said after an attempt and line, oldest first; of these levels, with a text in the message or the fields. The rest of the attempt,
-- then later ones: by one comparison of both the planner would expect next to nothing, and sort all there is.
SELECT attempt, line, at, level, message, fields
FROM (
    (SELECT attempt, line, at, level, message, fields
    FROM scheduler.execution_logs
    WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND attempt = coalesce(%(after_attempt)s::integer, %(attempt)s)
      AND line > coalesce(%(after_line)s::integer, %(line)s)
      AND (%(levels)s::text[] IS NULL OR level = ANY(%(levels)s))
      AND (%(pattern)s::text IS NULL OR message ILIKE %(pattern)s OR fields::text ILIKE %(pattern)s)
    ORDER BY line
    LIMIT %(limit)s)
    UNION ALL
    (SELECT attempt, line, at, level, message, fields
    FROM scheduler.execution_logs
    WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND attempt > coalesce(%(after_attempt)s::integer, %(attempt)s)
      AND (%(levels)s::text[] IS NULL OR level = ANY(%(levels)s))
      AND (%(pattern)s::text IS NULL OR message ILIKE %(pattern)s OR fields::text ILIKE %(pattern)s)
    ORDER BY attempt, line
    LIMIT %(limit)s)) AS found
ORDER BY attempt, line
LIMIT %(limit)s
