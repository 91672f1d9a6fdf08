-- Whether the ledger of applied migrations exists.
SELECT 1 FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'scheduler' AND c.relname = 'applied_migrations'
