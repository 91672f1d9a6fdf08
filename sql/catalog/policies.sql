-- Policies of row-level security: for which commands and roles, which rows may be seen, which may be written.
SELECT n.nspname || '.' || c.relname AS "table", p.polname AS name,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
        AS command,
    (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles AS r WHERE r.oid = ANY(p.polroles)) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS seen,
    pg_get_expr(p.polwithcheck, p.polrelid) AS written
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('scheduler', 'inventory')
ORDER BY c.oid, p.polname
