-- The product's views: name, comment, whether they run under the rights of whoever reads them.
SELECT n.nspname || '.' || c.relname AS view,
    coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
    coalesce('security_invoker=true' = ANY(c.reloptions), false) AS under_readers_rights
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind = 'v'
ORDER BY 1
