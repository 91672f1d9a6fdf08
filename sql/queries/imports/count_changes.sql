-- How many advisories that an import staged are new, and how many differ from what is known: replace it, or were modified before it.
SELECT count(*) FILTER (WHERE a.id IS NULL) AS added,
    count(*) FILTER (WHERE a.digest <> s.digest AND a.modified <= s.modified) AS changed,
    count(*) FILTER (WHERE a.digest <> s.digest AND a.modified > s.modified) AS older
FROM inventory.staged_advisories AS s
LEFT JOIN inventory.advisories AS a ON a.id = s.id
WHERE s.import_id = %(import_id)s
