-- Holds the unfinished import of advisories of a source, of several the one that came furthest, that no other process holds.
WITH unfinished AS MATERIALIZED (
    SELECT id
    FROM inventory.advisory_imports
    WHERE source = %(source)s AND fingerprint = %(fingerprint)s AND kind = 'advisories' AND finished_at IS NULL
    ORDER BY records DESC, id)
SELECT id
FROM unfinished
WHERE pg_try_advisory_xact_lock(hashtextextended('scheduler.import ' || id, 0))
LIMIT 1
