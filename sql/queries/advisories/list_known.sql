-- Which advisories among some ids are known.
SELECT id
FROM inventory.advisories
WHERE id = ANY(%(ids)s)
