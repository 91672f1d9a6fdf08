-- Which tables of the product this transaction has locked, and how; log partitions under one name.
SELECT DISTINCT n.nspname || '.' || regexp_replace(c.relname, '_[0-9]{6}$', '_YYYYMM') AS relation, l.mode
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.granted AND n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p')
ORDER BY relation, mode
