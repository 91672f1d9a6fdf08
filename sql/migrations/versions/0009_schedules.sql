-- Schedules and triggers: listing by name, label and deletion.

ALTER TABLE scheduler.schedules
    ADD CONSTRAINT labels_are_texts CHECK (NOT jsonb_path_exists(labels, '$.* ? (@.type() <> "string")'));

CREATE INDEX schedules_by_name ON scheduler.schedules (tenant_id, name COLLATE "C", id);
CREATE INDEX schedules_living_by_name ON scheduler.schedules (tenant_id, name COLLATE "C", id) WHERE deleted_at IS NULL;
CREATE INDEX schedules_by_kind ON scheduler.schedules (tenant_id, kind, name COLLATE "C", id) WHERE deleted_at IS NULL;
CREATE INDEX schedules_by_enabled ON scheduler.schedules (tenant_id, enabled, name COLLATE "C", id) WHERE deleted_at IS NULL;

CREATE TABLE scheduler.schedule_labels (
    tenant_id    text NOT NULL,
    schedule_id  uuid NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 63),
    value        text NOT NULL CHECK (length(value) <= 255),
    name         text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, schedule_id, key),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules
);
COMMENT ON TABLE scheduler.schedule_labels IS
    'schedules.labels, one row each, kept by a trigger: under row-level security no index on jsonb is used, since its operators are not leakproof.';
COMMENT ON COLUMN scheduler.schedule_labels.name IS 'Name of the schedule: schedules of a label are listed in its order.';
CREATE INDEX schedule_labels_by_name ON scheduler.schedule_labels (tenant_id, key, value, name, schedule_id);
SELECT scheduler.isolate_tenant('scheduler.schedule_labels');
GRANT SELECT ON scheduler.schedule_labels TO scheduler_tenant, scheduler_system;

CREATE FUNCTION scheduler.keep_schedule_labels() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM scheduler.schedule_labels WHERE tenant_id = NEW.tenant_id AND schedule_id = NEW.id;
    INSERT INTO scheduler.schedule_labels (tenant_id, schedule_id, key, value, name)
    SELECT NEW.tenant_id, NEW.id, label.key, label.value, NEW.name FROM jsonb_each_text(NEW.labels) AS label;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION scheduler.keep_schedule_labels() IS
    'Writes schedule_labels after schedules.labels or the name changed; nobody else may write them.';
REVOKE EXECUTE ON FUNCTION scheduler.keep_schedule_labels() FROM PUBLIC;
CREATE TRIGGER first_labels AFTER INSERT ON scheduler.schedules
    FOR EACH ROW WHEN (NEW.labels <> '{}') EXECUTE FUNCTION scheduler.keep_schedule_labels();
CREATE TRIGGER changed_labels AFTER UPDATE OF labels, name ON scheduler.schedules
    FOR EACH ROW WHEN (OLD.labels <> NEW.labels OR OLD.name <> NEW.name) EXECUTE FUNCTION scheduler.keep_schedule_labels();
DO $$
DECLARE
    bad record;
BEGIN
    SELECT s.tenant_id, s.id, label.key INTO bad
    FROM scheduler.schedules AS s CROSS JOIN LATERAL jsonb_each(s.labels) AS label
    WHERE length(label.key) NOT BETWEEN 1 AND 63 OR length(label.value #>> '{}') > 255
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'label % of schedule % of tenant % is too long', left(bad.key, 80), bad.id, bad.tenant_id
            USING HINT = 'A key has 1 to 63 characters, a value at most 255: change the label, then upgrade again.';
    END IF;
END
$$;
INSERT INTO scheduler.schedule_labels (tenant_id, schedule_id, key, value, name)
SELECT s.tenant_id, s.id, label.key, label.value, s.name
FROM scheduler.schedules AS s CROSS JOIN LATERAL jsonb_each_text(s.labels) AS label;

ALTER TABLE scheduler.triggers
    ADD COLUMN deleted_at timestamptz,
    ADD CONSTRAINT deleted_is_never_due CHECK (deleted_at IS NULL OR next_fire_at IS NULL);
COMMENT ON COLUMN scheduler.triggers.deleted_at IS
    'Removed from its schedule: never due, but runs refer to it. Who removed it is in the audit.';
COMMENT ON COLUMN scheduler.triggers.next_fire_at IS
    'The next occurrence not yet in the ledger; NULL when there is none (exhausted, paused, deleted, event).';
CREATE INDEX triggers_rare_kinds ON scheduler.triggers (tenant_id, kind, id)
    WHERE kind IN ('once', 'event') AND deleted_at IS NULL;
CREATE INDEX triggers_disabled ON scheduler.triggers (tenant_id, id) WHERE NOT enabled AND deleted_at IS NULL;
