-- Writes the new and changed advisories of an import under its feed revision. Guard: the digest is another one, and neither revision nor time of modification goes back.
INSERT INTO inventory.advisories (id, revision, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream)
SELECT s.id, %(revision)s, s.modified, s.published, s.withdrawn, s.summary, s.aliases, s.severity, s.score, s.vector, s.digest,
    s.upstream
FROM inventory.staged_advisories AS s
LEFT JOIN inventory.advisories AS a ON a.id = s.id
WHERE s.import_id = %(import_id)s AND a.digest IS DISTINCT FROM s.digest AND (a.id IS NULL OR a.modified <= s.modified)
ON CONFLICT (id) DO UPDATE
SET revision = excluded.revision, modified = excluded.modified, published = excluded.published,
    withdrawn = excluded.withdrawn, summary = excluded.summary, aliases = excluded.aliases, severity = excluded.severity,
    score = excluded.score, vector = excluded.vector, digest = excluded.digest, upstream = excluded.upstream
WHERE advisories.revision <= excluded.revision AND advisories.modified <= excluded.modified
