-- How many advisories that an import staged are new, and how many are not as they are known.
SELECT count(*) FILTER (WHERE a.id IS NULL) AS added, count(*) FILTER (WHERE a.digest <> s.digest) AS changed
FROM inventory.staged_advisories AS s
LEFT JOIN inventory.advisories AS a ON a.id = s.id
WHERE s.import_id = %(import_id)s
