-- How many advisories that an import staged are new, and how many replace what is known: others, and not modified earlier.
SELECT count(*) FILTER (WHERE a.id IS NULL) AS added,
    count(*) FILTER (WHERE a.digest <> s.digest AND a.modified <= s.modified) AS changed
FROM inventory.staged_advisories AS s
LEFT JOIN inventory.advisories AS a ON a.id = s.id
WHERE s.import_id = %(import_id)s
