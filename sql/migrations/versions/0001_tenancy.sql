-- Tenants, the functions that enforce tenancy, and the ledger of applied migrations.

CREATE TABLE scheduler.applied_migrations (
    revision    text PRIMARY KEY,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE scheduler.applied_migrations IS 'Digest of each applied migration file; an edited file is refused.';

CREATE FUNCTION scheduler.current_tenant() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    tenant text := current_setting('scheduler.tenant', true);
BEGIN
    IF tenant IS NULL OR tenant = '' THEN
        RAISE EXCEPTION 'no tenant is set in this transaction'
            USING ERRCODE = 'SC001', HINT = 'Open the transaction with begin(tenant).';
    END IF;
    RETURN tenant;
END
$$;
COMMENT ON FUNCTION scheduler.current_tenant() IS
    'The tenant of this transaction; raises SC001 when none is set (a reused connection holds an empty string, not NULL).';

CREATE FUNCTION scheduler.isolate_tenant(target regclass) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_rows ON %s TO scheduler_tenant'
        ' USING (tenant_id = (SELECT scheduler.current_tenant()))'
        ' WITH CHECK (tenant_id = (SELECT scheduler.current_tenant()))', target);
    EXECUTE format('CREATE POLICY system_rows ON %s TO scheduler_system USING (true) WITH CHECK (true)', target);
    EXECUTE format('CREATE POLICY owner_rows ON %s TO scheduler_owner USING (true) WITH CHECK (true)', target);
END
$$;
COMMENT ON FUNCTION scheduler.isolate_tenant(regclass) IS
    'Puts a tenant table under forced row-level security with its three policies (tenant, system, owner).';

CREATE TABLE scheduler.tenants (
    tenant_id            text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$'),
    display_name         text NOT NULL CHECK (display_name <> ''),
    max_concurrent_runs  integer CHECK (max_concurrent_runs > 0),
    claimed_at           timestamptz,
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL
);
COMMENT ON TABLE scheduler.tenants IS 'Whom the rows belong to, with each tenant''s limits.';
COMMENT ON COLUMN scheduler.tenants.max_concurrent_runs IS 'Most runs queued or running at once; NULL is no limit.';
COMMENT ON COLUMN scheduler.tenants.claimed_at IS 'When fire_due last served this tenant; the longest waiting is served first.';
CREATE INDEX tenants_claimed ON scheduler.tenants (claimed_at NULLS FIRST, tenant_id);
SELECT scheduler.isolate_tenant('scheduler.tenants');

CREATE SEQUENCE scheduler.fencing_tokens AS bigint;
COMMENT ON SEQUENCE scheduler.fencing_tokens IS 'Fencing tokens of attempts and locks; they only grow.';

GRANT USAGE ON SCHEMA scheduler, inventory TO scheduler_system, scheduler_tenant;
GRANT EXECUTE ON FUNCTION scheduler.current_tenant() TO scheduler_system, scheduler_tenant;
REVOKE EXECUTE ON FUNCTION scheduler.isolate_tenant(regclass) FROM PUBLIC;
GRANT USAGE ON SEQUENCE scheduler.fencing_tokens TO scheduler_system, scheduler_tenant;
GRANT SELECT ON scheduler.tenants TO scheduler_tenant;
GRANT SELECT, INSERT, UPDATE ON scheduler.tenants TO scheduler_system;
GRANT SELECT ON scheduler.applied_migrations TO scheduler_system;
