-- Lets the application's login enter the group roles, without inheriting what they may.
DO $$
DECLARE
    login  text := current_setting('scheduler.login');
    wanted text;
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = login) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('scheduler.roles', 0));
    FOREACH wanted IN ARRAY ARRAY['scheduler_owner', 'scheduler_system', 'scheduler_tenant'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_auth_members AS m
            WHERE m.roleid = to_regrole(wanted)::oid AND m.member = to_regrole(quote_ident(login))::oid
              AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)) THEN
            IF current_setting('server_version_num')::integer >= 160000 THEN
                EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', wanted, login);
            ELSE
                EXECUTE format('GRANT %I TO %I', wanted, login);
            END IF;
        END IF;
    END LOOP;
END
$$
