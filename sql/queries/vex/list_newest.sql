-- VEX statements of a tenant for people to read, those stated last first.
SELECT id, vulnerability, aliases, purl, image, status, justification, note, stated_at, source, ingested_at, ingested_by
FROM inventory.vex_statements
WHERE tenant_id = %(tenant_id)s
  AND (%(vulnerability)s::text IS NULL OR lower(vulnerability) = lower(%(vulnerability)s) OR EXISTS (
      SELECT FROM unnest(aliases) AS alias WHERE lower(alias) = lower(%(vulnerability)s)))
  AND (%(after_stated_at)s::timestamptz IS NULL OR (stated_at, id) < (%(after_stated_at)s, %(after_id)s::uuid))
ORDER BY stated_at DESC, id DESC
LIMIT %(limit)s
