-- How many runs of a tenant are in each state, of all or of those planned in a period. CASE is leakproof, coalesce is not:
-- under row-level security only a leakproof bound is looked up in the index.
SELECT wanted.state, counted.runs
FROM unnest(%(states)s::text[]) AS wanted (state)
CROSS JOIN LATERAL (
    SELECT count(*) AS runs
    FROM scheduler.runs AS r
    WHERE r.tenant_id = %(tenant_id)s AND r.state = wanted.state
      AND r.scheduled_for >= CASE WHEN %(since)s::timestamptz IS NULL THEN '-infinity' ELSE %(since)s END
      AND r.scheduled_for < CASE WHEN %(until)s::timestamptz IS NULL THEN 'infinity' ELSE %(until)s END) AS counted
