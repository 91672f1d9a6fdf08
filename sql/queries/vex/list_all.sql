-- Every VEX statement of a tenant.
SELECT vulnerability, aliases, purl, image, status, justification, note, stated_at, digest
FROM inventory.vex_statements
WHERE tenant_id = %(tenant_id)s
