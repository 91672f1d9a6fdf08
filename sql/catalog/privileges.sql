-- What each role but the owner may do with a table.
SELECT n.nspname || '.' || c.relname AS "table",
    coalesce(r.rolname, 'PUBLIC') AS grantee,
    string_agg(g.privilege_type, ', ' ORDER BY array_position(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'], g.privilege_type),
               g.privilege_type) AS privileges
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(c.relacl) AS g
LEFT JOIN pg_roles AS r ON r.oid = g.grantee
WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p') AND g.grantee <> c.relowner
GROUP BY c.oid, n.nspname, c.relname, r.rolname
ORDER BY c.oid, r.rolname
