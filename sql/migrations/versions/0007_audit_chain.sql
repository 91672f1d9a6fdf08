-- The hash chain over audit entries: each committed entry waits in a queue until the sealer gives it a link of its chain.

CREATE TABLE scheduler.audit_seals (
    chain          text NOT NULL,
    tenant_id      text CHECK (tenant_id <> ''),
    seq            bigint NOT NULL CHECK (seq > 0),
    audit_id       uuid NOT NULL UNIQUE,
    previous_hash  bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash           bytea NOT NULL CHECK (length(hash) = 32),
    sealed_at      timestamptz NOT NULL,
    PRIMARY KEY (chain, seq),
    CONSTRAINT chain_is_tenants CHECK (chain = coalesce(tenant_id, ''))
);
COMMENT ON TABLE scheduler.audit_seals IS
    'One link of a chain for each sealed audit entry. Append-only for every role but the owner. No foreign key to audit: an entry that is gone is for `scheduler audit verify` to find.';
COMMENT ON COLUMN scheduler.audit_seals.chain IS 'The tenant; empty for the entries of no tenant.';
COMMENT ON COLUMN scheduler.audit_seals.seq IS 'From 1, without gaps, in the order of sealing.';
COMMENT ON COLUMN scheduler.audit_seals.previous_hash IS 'The hash of the link before; 32 zero bytes for the first.';
COMMENT ON COLUMN scheduler.audit_seals.hash IS 'SHA-256 over the link before, this link and every column of its entry (resources/audit_chain.py).';

CREATE TABLE scheduler.audit_unsealed (
    chain     text NOT NULL,
    at        timestamptz NOT NULL,
    audit_id  uuid NOT NULL,
    PRIMARY KEY (chain, at, audit_id)
);
COMMENT ON TABLE scheduler.audit_unsealed IS
    'The queue of the sealer: entries not sealed yet. Written with the entry, so visible only once that is committed.';
COMMENT ON COLUMN scheduler.audit_unsealed.at IS 'Of the entry: the queue is taken in this order.';

CREATE FUNCTION scheduler.queue_for_sealing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO scheduler.audit_unsealed (chain, at, audit_id) SELECT coalesce(tenant_id, ''), at, id FROM appended;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION scheduler.queue_for_sealing() IS
    'Queues new audit entries for the sealer, as the owner: nobody else may write the queue.';
REVOKE EXECUTE ON FUNCTION scheduler.queue_for_sealing() FROM PUBLIC;
CREATE TRIGGER queue_for_sealing AFTER INSERT ON scheduler.audit
    REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION scheduler.queue_for_sealing();

-- The trigger above has locked writers out, so each entry is queued once: by it, or here.
INSERT INTO scheduler.audit_unsealed (chain, at, audit_id) SELECT coalesce(tenant_id, ''), at, id FROM scheduler.audit;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON scheduler.audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION scheduler.refuse_rewrite();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON scheduler.schedule_versions
    FOR EACH STATEMENT EXECUTE FUNCTION scheduler.refuse_rewrite();

ALTER TABLE scheduler.audit
    ADD CONSTRAINT tenant_is_named CHECK (tenant_id <> ''),
    ADD CONSTRAINT at_is_an_instant CHECK (isfinite(at) AND date_part('year', at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998);

-- One index for each filter of the list, in its order: edits are few, and their record is searched for years. That of
-- all tenants has an order of its own (NULLS LAST): else the planner would walk it for a large tenant, past the others.
DROP INDEX scheduler.audit_of_tenant, scheduler.audit_of_entity;
CREATE INDEX audit_newest ON scheduler.audit (at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX audit_of_correlation ON scheduler.audit (correlation_id, at, id);
CREATE INDEX audit_of_tenant ON scheduler.audit (tenant_id, at, id);
CREATE INDEX audit_of_entity ON scheduler.audit (tenant_id, entity, at, id);
CREATE INDEX audit_of_entity_id ON scheduler.audit (tenant_id, entity_id, at, id);
CREATE INDEX audit_of_actor ON scheduler.audit (tenant_id, actor, at, id);
CREATE INDEX audit_of_action ON scheduler.audit (tenant_id, action, at, id);

SELECT scheduler.isolate_tenant('scheduler.audit_seals');
GRANT SELECT ON scheduler.audit_seals TO scheduler_tenant;
GRANT SELECT, INSERT ON scheduler.audit_seals TO scheduler_system;
GRANT SELECT, DELETE ON scheduler.audit_unsealed TO scheduler_system;
