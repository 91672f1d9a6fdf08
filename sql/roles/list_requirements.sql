-- What a server must have for the product to work under a login: each with the SQL that brings it, and who runs that.
WITH login AS (
    SELECT %(login)s::text AS name, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = %(login)s) AS oid,
        current_setting('server_version_num')::integer >= 160000 AS grants_have_options
), role (name, oid) AS (
    SELECT wanted, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = wanted)
    FROM unnest(ARRAY['scheduler_owner', 'scheduler_system', 'scheduler_tenant']) AS wanted
), requirement (place, what, met, remedy, by_hand) AS (
    SELECT 1, format('login %%s exists and may log in', l.name), coalesce(r.rolcanlogin, false),
        format('%%s ROLE %%I LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
               CASE WHEN l.oid IS NULL THEN 'CREATE' ELSE 'ALTER' END, l.name), true
    FROM login AS l LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = l.oid
    UNION ALL
    SELECT 2, format('login %%s is neither SUPERUSER nor BYPASSRLS', l.name), NOT (r.rolsuper OR r.rolbypassrls),
        format('ALTER ROLE %%I NOSUPERUSER NOBYPASSRLS', l.name), true
    FROM login AS l JOIN pg_catalog.pg_roles AS r ON r.oid = l.oid
    UNION ALL
    SELECT 3, format('role %%s exists, can neither log in nor pass by row security', role.name),
        coalesce(NOT (r.rolcanlogin OR r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls),
                 false),
        format('%%s ROLE %%I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
               CASE WHEN role.oid IS NULL THEN 'CREATE' ELSE 'ALTER' END, role.name), false
    FROM role LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = role.oid
    UNION ALL
    SELECT 4, format('login %%s may enter %%s', l.name, role.name),
        coalesce(pg_has_role(l.oid, role.oid, CASE WHEN l.grants_have_options THEN 'SET' ELSE 'MEMBER' END), false),
        format('GRANT %%I TO %%I%%s', role.name, l.name,
               CASE WHEN l.grants_have_options THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END), false
    FROM login AS l CROSS JOIN role
    UNION ALL
    SELECT 5, format('login %%s inherits nothing of %%s', l.name, role.name),
        r.rolsuper OR NOT CASE WHEN l.grants_have_options THEN coalesce(pg_has_role(l.oid, role.oid, 'USAGE'), false)
                               ELSE r.rolinherit END,
        CASE WHEN l.grants_have_options THEN format('GRANT %%I TO %%I WITH INHERIT FALSE', role.name, l.name)
             ELSE format('ALTER ROLE %%I NOINHERIT', l.name) END, false
    FROM login AS l JOIN pg_catalog.pg_roles AS r ON r.oid = l.oid CROSS JOIN role
    UNION ALL
    SELECT 6, format('login %%s may connect to database %%s', l.name, current_database()),
        coalesce(has_database_privilege(l.oid, current_database(), 'CONNECT'), false),
        format('GRANT CONNECT ON DATABASE %%I TO %%I', current_database(), l.name), false
    FROM login AS l
    UNION ALL
    -- Who makes a schema for a role must be able to enter it; asked only while a schema is missing.
    SELECT 7, format('%%s may make schemas for scheduler_owner', current_user),
        coalesce(pg_has_role(current_user, role.oid, CASE WHEN l.grants_have_options THEN 'SET' ELSE 'MEMBER' END), false),
        format('GRANT scheduler_owner TO %%I%%s', current_user,
               CASE WHEN l.grants_have_options THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END), false
    FROM login AS l JOIN role ON role.name = 'scheduler_owner'
    WHERE current_user <> l.name AND (to_regnamespace('scheduler') IS NULL OR to_regnamespace('inventory') IS NULL)
        AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
    UNION ALL
    SELECT 8, format('schema %%s exists and belongs to scheduler_owner', wanted), coalesce(r.rolname = 'scheduler_owner', false),
        format(CASE WHEN n.oid IS NULL THEN 'CREATE SCHEMA %%I AUTHORIZATION scheduler_owner'
                    ELSE 'ALTER SCHEMA %%I OWNER TO scheduler_owner' END, wanted), false
    FROM unnest(ARRAY['scheduler', 'inventory']) AS wanted
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
    UNION ALL
    SELECT 9, format('database %%s exists, for Dagster', %(dagster)s::text),
        EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %(dagster)s),
        format('CREATE DATABASE %%I OWNER %%I', %(dagster)s::text, l.name), true
    FROM login AS l
    WHERE %(dagster)s::text IS NOT NULL
    UNION ALL
    SELECT 10, format('login %%s may connect to database %%s', l.name, d.datname),
        coalesce(has_database_privilege(l.oid, d.oid, 'CONNECT'), false),
        format('GRANT CONNECT ON DATABASE %%I TO %%I', d.datname, l.name), false
    FROM login AS l JOIN pg_catalog.pg_database AS d ON d.datname = %(dagster)s
)
SELECT what, met, remedy, by_hand, current_database()::text AS database
FROM requirement
ORDER BY place, what
