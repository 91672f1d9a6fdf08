-- The two schemas, owned by scheduler_owner; another upgrade may create them at the same time.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['scheduler', 'inventory'] LOOP
        IF to_regnamespace(wanted) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE SCHEMA %I AUTHORIZATION scheduler_owner', wanted);
            EXCEPTION WHEN duplicate_schema OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$
