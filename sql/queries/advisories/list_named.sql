-- The advisories that have one of some names, with their other names: as their id, as an alias, or as what is upstream.
SELECT id, aliases || upstream
FROM inventory.advisories
WHERE id = ANY(%(names)s) OR (aliases || upstream) && %(names)s
