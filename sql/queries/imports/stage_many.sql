-- Stages the advisories of a batch; a later record of an advisory replaces an earlier one. Guard: its import was advanced in this transaction, and it was not modified before the earlier.
INSERT INTO inventory.staged_advisories (import_id, id, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream,
    ranges)
SELECT %(import_id)s, id, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream, ranges
FROM jsonb_to_recordset(%(advisories)s)
    AS new (id text, modified timestamptz, published timestamptz, withdrawn timestamptz, summary text, aliases text[], severity text,
            score float8, vector text, digest text, upstream text[], ranges jsonb)
ON CONFLICT (import_id, id) DO UPDATE
SET modified = excluded.modified, published = excluded.published, withdrawn = excluded.withdrawn, summary = excluded.summary,
    aliases = excluded.aliases, severity = excluded.severity, score = excluded.score, vector = excluded.vector,
    digest = excluded.digest, upstream = excluded.upstream, ranges = excluded.ranges
WHERE staged_advisories.modified <= excluded.modified
