-- Indexes that no constraint made, with their predicates.
SELECT n.nspname || '.' || c.relname AS "table", pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory')
  AND NOT EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid)
ORDER BY c.oid, x.relname
