-- Events: what triggers of kind event fire by.

CREATE TABLE scheduler.trigger_events (
    tenant_id   text NOT NULL,
    trigger_id  uuid NOT NULL,
    at          timestamptz NOT NULL CHECK (isfinite(at)),
    event       text NOT NULL CHECK (length(event) BETWEEN 1 AND 200),
    handled_at  timestamptz,
    PRIMARY KEY (tenant_id, trigger_id, at),
    FOREIGN KEY (tenant_id, trigger_id) REFERENCES scheduler.triggers
);
COMMENT ON TABLE scheduler.trigger_events IS
    'What happened that an active trigger waits for: one row a trigger, which is an occurrence of it.';
COMMENT ON COLUMN scheduler.trigger_events.handled_at IS 'When the occurrence was accounted for in runs; NULL: not yet.';
CREATE INDEX trigger_events_waiting ON scheduler.trigger_events (tenant_id, trigger_id, at) WHERE handled_at IS NULL;
CREATE INDEX trigger_events_handled ON scheduler.trigger_events (tenant_id, handled_at) WHERE handled_at IS NOT NULL;
SELECT scheduler.isolate_tenant('scheduler.trigger_events');
GRANT SELECT, INSERT, UPDATE ON scheduler.trigger_events TO scheduler_tenant, scheduler_system;
GRANT DELETE ON scheduler.trigger_events TO scheduler_system;

ALTER TABLE scheduler.triggers DROP CONSTRAINT event_is_never_due;
COMMENT ON COLUMN scheduler.triggers.next_fire_at IS
    'The next occurrence not yet in the ledger; NULL when there is none (exhausted, paused, deleted, no event waits).';
COMMENT ON COLUMN scheduler.triggers.event IS
    'advisories_changed, sbom_ingested, or run_completed:<name of a schedule>.';
CREATE INDEX triggers_of_event ON scheduler.triggers (tenant_id, event, id) WHERE event IS NOT NULL AND deleted_at IS NULL;
