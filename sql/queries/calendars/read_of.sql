-- Calendars by pairs of tenant and name, each once, those that live; for the claim, of all tenants at once.
SELECT c.tenant_id, c.name, c.description, c.mode, c.timezone, c.on_excluded, c.entries, c.version, c.created_at,
    c.created_by, c.updated_at, c.updated_by
FROM (SELECT DISTINCT * FROM unnest(%(tenants)s::text[], %(names)s::text[])) AS wanted (tenant_id, name)
JOIN scheduler.calendars AS c ON c.tenant_id = wanted.tenant_id AND c.name = wanted.name AND c.deleted_at IS NULL
ORDER BY c.tenant_id, c.name
