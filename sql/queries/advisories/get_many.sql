-- Advisories by their ids.
SELECT id, modified, published, withdrawn, summary, aliases, severity, score, vector, digest, upstream
FROM inventory.advisories
WHERE id = ANY(%(ids)s)
