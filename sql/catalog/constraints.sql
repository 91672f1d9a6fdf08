-- Primary keys, unique and foreign keys and checks. NOT NULL is left out: a constraint of its own from PostgreSQL 18 on.
SELECT n.nspname || '.' || c.relname AS "table", o.conname AS name, pg_get_constraintdef(o.oid) AS definition
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory') AND o.contype IN ('p', 'u', 'f', 'c')
ORDER BY c.oid, array_position(ARRAY['p', 'u', 'f', 'c']::"char"[], o.contype), o.conname
