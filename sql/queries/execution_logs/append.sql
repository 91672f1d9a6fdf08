-- Appends lines to what a run said. Guard: a line is written once.
INSERT INTO scheduler.execution_logs (tenant_id, run_id, attempt, line, at, level, message, fields)
SELECT %(tenant_id)s, %(run_id)s, %(attempt)s, line, at, level, message, fields
FROM unnest(%(lines)s::integer[], %(at)s::timestamptz[], %(levels)s::text[], %(messages)s::text[], %(fields)s::jsonb[])
    AS said (line, at, level, message, fields)
