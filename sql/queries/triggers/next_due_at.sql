-- When the earliest planned trigger of any tenant is due; edits that end a schedule unplan its triggers.
SELECT min(due.next_due_at) AS next_due_at
FROM scheduler.tenants AS t
CROSS JOIN LATERAL (
    SELECT g.next_due_at
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = t.tenant_id AND g.enabled AND g.next_due_at IS NOT NULL
    ORDER BY g.next_due_at
    LIMIT 1) AS due
