-- The digests of known advisories among some ids.
SELECT id, digest
FROM inventory.advisories
WHERE id = ANY(%(ids)s)
