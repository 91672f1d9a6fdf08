-- What findings name is looked up once a statement instead of once a row: their four foreign keys took four fifths of the
-- time of a row. A finding names an image, a component, an advisory and a revision that exist, and what a finding names
-- cannot be deleted, renamed or truncated; who tries gets the error of a foreign key.

CREATE FUNCTION inventory.refuse_old_snapshots() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'findings and what they name are written in READ COMMITTED transactions only'
            USING ERRCODE = 'feature_not_supported', HINT = 'An older snapshot does not see what the other side has committed.';
    END IF;
END
$$;
COMMENT ON FUNCTION inventory.refuse_old_snapshots() IS 'For the checks of what findings name: they must see what is committed.';
REVOKE EXECUTE ON FUNCTION inventory.refuse_old_snapshots() FROM PUBLIC;

CREATE FUNCTION inventory.refuse_loose_findings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- By the index, whatever the first statement of a session was like: its plan is kept.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    loose text;
BEGIN
    PERFORM inventory.refuse_old_snapshots();
    SELECT named.what INTO loose
    FROM (
        SELECT 'image ' || w.image_id AS what
        FROM (SELECT DISTINCT tenant_id, image_id FROM written) AS w
        WHERE NOT EXISTS (SELECT FROM inventory.images AS i WHERE i.tenant_id = w.tenant_id AND i.id = w.image_id)
        UNION ALL
        SELECT 'component ' || w.component_id
        FROM (SELECT DISTINCT tenant_id, component_id FROM written) AS w
        WHERE NOT EXISTS (
            SELECT FROM inventory.component_versions AS c WHERE c.tenant_id = w.tenant_id AND c.id = w.component_id)
        UNION ALL
        SELECT 'advisory ' || w.advisory_id
        FROM (SELECT DISTINCT advisory_id FROM written) AS w
        WHERE NOT EXISTS (SELECT FROM inventory.advisories AS a WHERE a.id = w.advisory_id)
        UNION ALL
        SELECT format('revision %s of policy %s', w.policy_revision, w.policy_id)
        FROM (SELECT DISTINCT tenant_id, policy_id, policy_revision FROM written) AS w
        WHERE NOT EXISTS (
            SELECT FROM inventory.policy_revisions AS p
            WHERE p.tenant_id = w.tenant_id AND p.policy_id = w.policy_id AND p.revision = w.policy_revision)
    ) AS named
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a finding names %, which its tenant does not have', loose
            USING ERRCODE = 'foreign_key_violation', SCHEMA = 'inventory', TABLE = 'findings', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION inventory.refuse_loose_findings() IS
    'A foreign key of findings to all that they name, checked once a statement; what is named is kept by keep_what_findings_name.';
REVOKE EXECUTE ON FUNCTION inventory.refuse_loose_findings() FROM PUBLIC;

CREATE FUNCTION inventory.keep_what_findings_name() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM inventory.refuse_old_snapshots();
    -- Whoever writes findings now ends first, and whoever comes later sees this row gone.
    LOCK TABLE inventory.findings IN SHARE ROW EXCLUSIVE MODE;
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM FROM inventory.findings LIMIT 1;
    ELSIF TG_TABLE_NAME = 'images' THEN
        PERFORM FROM inventory.findings WHERE tenant_id = OLD.tenant_id AND image_id = OLD.id;
    ELSIF TG_TABLE_NAME = 'component_versions' THEN
        PERFORM FROM inventory.findings WHERE tenant_id = OLD.tenant_id AND component_id = OLD.id;
    ELSIF TG_TABLE_NAME = 'advisories' THEN
        PERFORM FROM inventory.findings WHERE advisory_id = OLD.id;
    ELSE
        PERFORM FROM inventory.findings
        WHERE tenant_id = OLD.tenant_id AND policy_id = OLD.policy_id AND policy_revision = OLD.revision;
    END IF;
    IF FOUND THEN
        RAISE EXCEPTION 'a row of % is named by findings', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', SCHEMA = 'inventory', TABLE = 'findings', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION inventory.keep_what_findings_name() IS
    'The other side of refuse_loose_findings: what a finding names is not deleted, renamed or truncated. No role of the product may delete it.';
REVOKE EXECUTE ON FUNCTION inventory.keep_what_findings_name() FROM PUBLIC;

LOCK TABLE inventory.findings IN SHARE ROW EXCLUSIVE MODE;
CREATE TRIGGER new_findings_refer AFTER INSERT ON inventory.findings
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_loose_findings();
CREATE TRIGGER changed_findings_refer AFTER UPDATE ON inventory.findings
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_loose_findings();
CREATE TRIGGER findings_refer_to_all BEFORE TRUNCATE ON inventory.images
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer AFTER DELETE ON inventory.images
    FOR EACH ROW EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_by_key AFTER UPDATE OF tenant_id, id ON inventory.images
    FOR EACH ROW WHEN ((OLD.tenant_id, OLD.id) IS DISTINCT FROM (NEW.tenant_id, NEW.id)) EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_to_all BEFORE TRUNCATE ON inventory.component_versions
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer AFTER DELETE ON inventory.component_versions
    FOR EACH ROW EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_by_key AFTER UPDATE OF tenant_id, id ON inventory.component_versions
    FOR EACH ROW WHEN ((OLD.tenant_id, OLD.id) IS DISTINCT FROM (NEW.tenant_id, NEW.id)) EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_to_all BEFORE TRUNCATE ON inventory.advisories
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer AFTER DELETE ON inventory.advisories
    FOR EACH ROW EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_by_key AFTER UPDATE OF id ON inventory.advisories
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_to_all BEFORE TRUNCATE ON inventory.policy_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer AFTER DELETE ON inventory.policy_revisions
    FOR EACH ROW EXECUTE FUNCTION inventory.keep_what_findings_name();
CREATE TRIGGER findings_refer_by_key AFTER UPDATE OF tenant_id, policy_id, revision ON inventory.policy_revisions
    FOR EACH ROW WHEN ((OLD.tenant_id, OLD.policy_id, OLD.revision) IS DISTINCT FROM (NEW.tenant_id, NEW.policy_id, NEW.revision)) EXECUTE FUNCTION inventory.keep_what_findings_name();
ALTER TABLE inventory.findings
    DROP CONSTRAINT findings_advisory_id_fkey,
    DROP CONSTRAINT findings_tenant_id_image_id_fkey,
    DROP CONSTRAINT findings_tenant_id_component_id_fkey,
    DROP CONSTRAINT findings_tenant_id_policy_id_policy_revision_fkey;
