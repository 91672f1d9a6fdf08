-- Ends the ranges of advisories that an import's feed revision wrote. Guard: only ranges that hold and began earlier.
UPDATE inventory.advisory_ranges AS r
SET revision_to = %(revision)s
FROM inventory.staged_advisories AS s
JOIN inventory.advisories AS a ON a.id = s.id AND a.revision = %(revision)s
WHERE s.import_id = %(import_id)s AND r.advisory_id = a.id AND r.revision_to IS NULL AND r.revision_from < %(revision)s
