-- Deletes scratch tenants with all that a verification commits for them, in one statement, which foreign keys let pass.
-- Guard: an id of the form that only a verification makes, and made by one; that tenant, or any made before an instant.
WITH scratch AS (
    SELECT tenant_id
    FROM scheduler.tenants
    WHERE tenant_id ~ '^verify-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND created_by = 'scheduler verify'
      AND (tenant_id = %(tenant)s OR created_at < %(before)s)
), work AS (
    DELETE FROM scheduler.graph_jobs WHERE tenant_id IN (SELECT tenant_id FROM scratch)
), summaries AS (
    DELETE FROM scheduler.run_summaries WHERE tenant_id IN (SELECT tenant_id FROM scratch)
), runs AS (
    DELETE FROM scheduler.runs WHERE tenant_id IN (SELECT tenant_id FROM scratch)
), launches AS (
    DELETE FROM scheduler.launches WHERE owner IN (SELECT tenant_id FROM scratch) AND state IN ('offered', 'acknowledged')
), triggers AS (
    DELETE FROM scheduler.triggers WHERE tenant_id IN (SELECT tenant_id FROM scratch)
), schedules AS (
    DELETE FROM scheduler.schedules WHERE tenant_id IN (SELECT tenant_id FROM scratch)
), locks AS (
    DELETE FROM scheduler.locks WHERE key_digest IN (SELECT scheduler.lock_digest(tenant_id) FROM scratch)
)
DELETE FROM scheduler.tenants WHERE tenant_id IN (SELECT tenant_id FROM scratch)
RETURNING tenant_id
