-- Begins the ranges of advisories that an import's feed revision wrote. Guard: unique by advisory, revision and ordinal.
INSERT INTO inventory.advisory_ranges (advisory_id, revision_from, ordinal, type, package, distro, kind, events, versions)
SELECT s.id, %(revision)s, one.ordinal - 1, one.type, one.package, one.distro, one.kind, one.events, one.versions
FROM inventory.staged_advisories AS s
JOIN inventory.advisories AS a ON a.id = s.id AND a.revision = %(revision)s
CROSS JOIN LATERAL ROWS FROM (
    jsonb_to_recordset(s.ranges) AS (type text, package text, distro text, kind text, events jsonb, versions text[]))
    WITH ORDINALITY AS one (type, package, distro, kind, events, versions, ordinal)
WHERE s.import_id = %(import_id)s
