-- Triggers that were written, not those that foreign keys bring.
SELECT n.nspname || '.' || c.relname AS "table", pg_get_triggerdef(t.oid) AS definition
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory') AND NOT t.tgisinternal AND NOT c.relispartition
ORDER BY c.oid, t.tgname
