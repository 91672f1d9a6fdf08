-- What a run said after an attempt and line, oldest first.
SELECT attempt, line, at, level, message, fields
FROM scheduler.execution_logs
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND (attempt, line) > (%(attempt)s, %(line)s)
ORDER BY attempt, line
LIMIT %(limit)s
