-- Keeps VEX statements. Guard: one that says the same is kept once.
INSERT INTO inventory.vex_statements (tenant_id, id, vulnerability, aliases, purl, image, status, justification, note, stated_at,
    digest, source, ingested_at, ingested_by)
SELECT %(tenant_id)s, s.id, s.vulnerability, ARRAY(SELECT jsonb_array_elements_text(s.aliases)), s.purl, s.image, s.status,
    s.justification, s.note, s.stated_at, s.digest, %(source)s, %(now)s, %(actor)s
FROM unnest(%(ids)s::uuid[], %(vulnerabilities)s::text[], %(aliases)s::jsonb[], %(purls)s::text[], %(images)s::jsonb[],
    %(statuses)s::text[], %(justifications)s::text[], %(notes)s::text[], %(stated)s::timestamptz[], %(digests)s::text[])
    AS s (id, vulnerability, aliases, purl, image, status, justification, note, stated_at, digest)
ON CONFLICT (tenant_id, digest) DO NOTHING
