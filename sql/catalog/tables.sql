-- The product's tables, without partitions and without Alembic's own; schema.name, comment, whether row-level security is forced.
SELECT n.nspname || '.' || c.relname AS "table",
    coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partitioned_by,
    c.relrowsecurity AND c.relforcerowsecurity AS isolated
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'schema_version'
ORDER BY n.nspname DESC, c.relname
