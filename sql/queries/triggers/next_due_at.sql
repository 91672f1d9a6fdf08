-- When the earliest planned trigger of any tenant is due; edits that end a schedule unplan its triggers.
SELECT min(due.next_fire_at) AS next_fire_at
FROM scheduler.tenants AS t
CROSS JOIN LATERAL (
    SELECT g.next_fire_at
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = t.tenant_id AND g.enabled AND g.next_fire_at IS NOT NULL
    ORDER BY g.next_fire_at
    LIMIT 1) AS due
