-- Dates advisories that an import staged as they are known. Guard: the digest is the same, and the time of modification never goes back.
UPDATE inventory.advisories AS a
SET modified = s.modified
FROM inventory.staged_advisories AS s
WHERE s.import_id = %(import_id)s AND s.id = a.id AND s.digest = a.digest AND s.modified > a.modified
