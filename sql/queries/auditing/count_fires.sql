-- How often triggers had fired up to an instant: their rows, or where some are pruned what the trigger counted less the rows since.
SELECT g.id, CASE WHEN t.ledger_since IS NULL OR g.created_at >= t.ledger_since THEN fired.before
                  ELSE g.fire_count - fired.since END
FROM scheduler.triggers AS g
JOIN scheduler.tenants AS t ON t.tenant_id = g.tenant_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.scheduled_for <= %(until)s) AS before,
        count(*) FILTER (WHERE r.scheduled_for > %(until)s) AS since
    FROM scheduler.runs AS r
    WHERE r.tenant_id = g.tenant_id AND r.trigger_id = g.id AND r.state <> 'skipped') AS fired
WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY(%(triggers)s::uuid[])
