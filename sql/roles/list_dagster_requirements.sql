-- What Dagster's own database must have for a login; to be run in it.
SELECT format('login %%s may create tables in schema public of database %%s', %(login)s::text, current_database()) AS what,
    coalesce(has_schema_privilege(to_regrole(quote_ident(%(login)s)), to_regnamespace('public'), 'CREATE'), false) AS met,
    format(CASE WHEN to_regnamespace('public') IS NULL THEN 'CREATE SCHEMA public AUTHORIZATION %%I'
                ELSE 'GRANT CREATE ON SCHEMA public TO %%I' END, %(login)s::text) AS remedy,
    false AS by_hand,
    current_database()::text AS database
