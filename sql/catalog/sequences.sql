-- Sequences of their own, not those of identity columns.
SELECT n.nspname || '.' || c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind = 'S'
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i')
ORDER BY n.nspname, c.relname
