-- Writes new and changed advisories of a feed revision. Guard: an advisory is one row, its revision never goes back.
INSERT INTO inventory.advisories (id, revision, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream)
SELECT id, %(revision)s, modified, published, withdrawn, summary,
    coalesce((SELECT array_agg(alias ORDER BY alias) FROM jsonb_array_elements_text(aliases) AS alias), '{}'),
    severity, score, vector, digest,
    coalesce((SELECT array_agg(one ORDER BY one) FROM jsonb_array_elements_text(upstream) AS one), '{}')
FROM unnest(%(ids)s::text[], %(modified)s::timestamptz[], %(published)s::timestamptz[], %(withdrawn)s::timestamptz[],
            %(summaries)s::text[], %(aliases)s::jsonb[], %(severities)s::text[], %(scores)s::float8[], %(vectors)s::text[],
            %(digests)s::text[], %(upstreams)s::jsonb[])
    AS new (id, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream)
ON CONFLICT (id) DO UPDATE
SET revision = excluded.revision, modified = excluded.modified, published = excluded.published,
    withdrawn = excluded.withdrawn, summary = excluded.summary, aliases = excluded.aliases, severity = excluded.severity,
    score = excluded.score, vector = excluded.vector, digest = excluded.digest, upstream = excluded.upstream
WHERE advisories.revision <= excluded.revision
