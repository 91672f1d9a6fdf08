"""What the catalogs must say of the two schemas for tenancy to hold, as queries that name each defect."""

import psycopg

# What a tenant may do with a table where it is not SELECT, INSERT and UPDATE.
ONCE_WRITTEN = (
    *(
        "scheduler.calendar_versions",
        "scheduler.schedule_versions",
        "scheduler.impact_snapshots",
        "scheduler.impact_snapshot_images",
    ),
    *("scheduler.execution_logs", "scheduler.audit", "inventory.component_versions"),
    *("inventory.graphs", "inventory.policy_revisions", "inventory.vex_statements"),
)
RIGHTS = {table: {"SELECT", "INSERT"} for table in ONCE_WRITTEN} | {
    "scheduler.tenants": {"SELECT"},
    "scheduler.audit_seals": {"SELECT"},
    "scheduler.notifications": {"SELECT", "INSERT"},
    "scheduler.schedule_labels": {"SELECT"},
    "inventory.image_components": {"SELECT", "INSERT", "DELETE"},
    "inventory.tenant_quarantine": {"SELECT", "INSERT", "DELETE"},
}
# Unique indexes of tenant tables that do not begin with the tenant, and why.
UNIQUE_FOR_ALL = {
    "audit_pkey": "tenant_id is NULL for what belongs to no tenant, so it cannot be part of the key",
    "audit_seals_pkey": "begins with the chain, which is the tenant, or empty for what belongs to no tenant",
    "audit_seals_audit_id_key": "an entry is sealed once, in whichever chain; tenants cannot insert",
}
# Other such indexes, and why.
INDEXES_FOR_ALL = {
    "audit_newest": "the edits of all tenants, for the system",
    "audit_of_correlation": "one command may edit for several tenants and for none",
    "graph_jobs_leased": "leases that expired, of all tenants",
    "policy_jobs_leased": "leases that expired, of all tenants",
    "runs_of_launch": "a launch carries runs of several tenants",
    "notifications_waiting": "what is to be delivered, of all tenants",
    "notifications_created": "what is past retention, of all tenants",
    "tenant_quarantine_at": "what is past retention, of all tenants",
    "runs_of_worker": "a worker has runs of several tenants",
    "runs_running": "attempts whose worker is dead, of all tenants",
    "runs_skipped_or_cancelled": "what ended without an attempt, of all tenants",
}
TABLES = """
    WITH tables AS (
        SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relacl, c.relowner, c.relispartition,
            c.relrowsecurity AND c.relforcerowsecurity AS forced,
            EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)
                AS of_tenant
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p'))
"""
MINE = "(tenant_id = ( SELECT scheduler.current_tenant() AS current_tenant))"
OWNERS = "(owner_rows,*,t,{scheduler_owner},true,true)"
POLICIES = [
    OWNERS,
    "(system_rows,*,t,{scheduler_system},true,true)",
    f'(tenant_rows,*,t,{{scheduler_tenant}},"{MINE}","{MINE}")',
]
CHECKS = {
    "row-level security is not enabled and forced": """
        SELECT name FROM tables WHERE of_tenant AND NOT forced""",
    "its policies are not the three of isolate_tenant, or for a partition the owner's": """
        SELECT t.name FROM tables AS t LEFT JOIN pg_policy AS p ON p.polrelid = t.oid
        WHERE t.of_tenant GROUP BY t.name, t.relispartition
        HAVING array_agg(ROW(p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))::text ORDER BY p.polname)
            IS DISTINCT FROM CASE WHEN t.relispartition THEN %(owners)s::text[] ELSE %(policies)s::text[] END""",
    "it is a partition and open to somebody": """
        SELECT t.name FROM tables AS t, LATERAL aclexplode(t.relacl) AS g
        WHERE t.relispartition AND g.grantee <> t.relowner""",
    "it is open to somebody else than the tenant's and the system's role": """
        SELECT t.name FROM tables AS t, LATERAL aclexplode(t.relacl) AS g LEFT JOIN pg_roles AS r ON r.oid = g.grantee
        WHERE g.grantee <> t.relowner AND coalesce(r.rolname, '') NOT IN ('scheduler_tenant', 'scheduler_system')""",
    "it does not belong to scheduler_owner": """
        SELECT name FROM tables WHERE relowner <> 'scheduler_owner'::regrole""",
    "it has no primary key or unique constraint that begins with the tenant": """
        SELECT name FROM tables AS t WHERE of_tenant AND NOT EXISTS (
            SELECT FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
            WHERE i.indrelid = t.oid AND i.indisunique
                AND (pg_get_indexdef(x.oid, 1, true) = 'tenant_id' OR x.relname ~ %(allowed)s))""",
    "the unique index does not begin with the tenant": """
        SELECT x.relname FROM tables AS t JOIN pg_index AS i ON i.indrelid = t.oid
        JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE t.of_tenant AND i.indisunique AND pg_get_indexdef(x.oid, 1, true) <> 'tenant_id'
            AND x.relname !~ %(allowed)s""",
    "the index does not begin with the tenant": """
        SELECT x.relname FROM tables AS t JOIN pg_index AS i ON i.indrelid = t.oid
        JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE t.of_tenant AND NOT i.indisunique AND pg_get_indexdef(x.oid, 1, true) <> 'tenant_id'
            AND x.relname <> ALL (%(of_all)s)""",
    "the foreign key to a tenant table does not carry the tenant": """
        SELECT a.name || ' ' || o.conname FROM pg_constraint AS o
        JOIN tables AS a ON a.oid = o.conrelid JOIN tables AS b ON b.oid = o.confrelid
        WHERE o.contype = 'f' AND b.of_tenant AND NOT EXISTS (
            SELECT FROM unnest(o.conkey, o.confkey) AS pair (here, there)
            JOIN pg_attribute AS h ON h.attrelid = a.oid AND h.attnum = pair.here
            JOIN pg_attribute AS t ON t.attrelid = b.oid AND t.attnum = pair.there
            WHERE h.attname = 'tenant_id' AND t.attname = 'tenant_id')""",
    "the view runs under its owner's rights": """
        SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('scheduler', 'inventory') AND (c.relkind = 'm'
            OR c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false))""",
    "the function runs under its owner's rights without a pinned search path": """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('scheduler', 'inventory') AND p.prosecdef
            AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY(p.proconfig), false)""",
    "the function runs under its owner's rights and is open to everybody": """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('scheduler', 'inventory') AND p.prosecdef
            AND has_function_privilege('public', p.oid, 'EXECUTE')""",
    "the role is not NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS": """
        SELECT rolname FROM pg_roles WHERE rolname IN ('scheduler_owner', 'scheduler_system', 'scheduler_tenant')
            AND (rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)""",
    "the role is in another role, or others inherit what it may": """
        SELECT g.rolname || ' in ' || r.rolname FROM pg_auth_members AS m
        JOIN pg_roles AS r ON r.oid = m.roleid JOIN pg_roles AS g ON g.oid = m.member
        WHERE g.rolname LIKE 'scheduler\\_%%' AND r.rolname NOT LIKE 'scheduler\\_%%' OR
            r.rolname IN ('scheduler_owner', 'scheduler_system', 'scheduler_tenant')
            AND NOT g.rolsuper AND pg_has_role(g.oid, r.oid, 'USAGE')""",
}


def defects(connection: psycopg.Connection) -> set[tuple[str, str]]:
    """Everything that breaks tenancy, as (what is wrong, with what)."""
    allowed = {"allowed": f"^({'|'.join(UNIQUE_FOR_ALL)})$", "of_all": [*INDEXES_FOR_ALL]}
    parameters = {"owners": [OWNERS], "policies": POLICIES, **allowed}
    return {
        (wrong, name)
        for wrong, query in CHECKS.items()
        for (name,) in connection.execute(TABLES + query, parameters)
    }


def tables_of_tenants(connection: psycopg.Connection) -> list[str]:
    """Every tenant table, without partitions."""
    query = f"{TABLES} SELECT name FROM tables WHERE of_tenant AND NOT relispartition ORDER BY name"
    return [name for (name,) in connection.execute(query)]
