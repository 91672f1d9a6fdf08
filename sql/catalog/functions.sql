-- Functions: signature, result, whose rights they run with, comment.
SELECT n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS signature,
    pg_get_function_result(p.oid) AS result,
    p.prosecdef AS definer,
    coalesce(obj_description(p.oid, 'pg_proc'), '') AS comment
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname IN ('scheduler', 'inventory')
ORDER BY n.nspname, p.proname, p.oid
