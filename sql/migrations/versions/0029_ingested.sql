-- Runs over what was ingested since the last one ask which images got another SBOM, or another place, since then.
-- A trigger says when, so that a process of the release before says it too.

ALTER TABLE inventory.images ADD COLUMN changed_at timestamptz;
UPDATE inventory.images SET changed_at = updated_at;
ALTER TABLE inventory.images ALTER COLUMN changed_at SET NOT NULL;
COMMENT ON COLUMN inventory.images.changed_at IS 'When the image got the SBOM that holds, or its tag, namespace or labels.';

CREATE FUNCTION inventory.note_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_at := NEW.updated_at;
    ELSIF (OLD.sbom_id, OLD.tag, OLD.namespace, OLD.labels) IS DISTINCT FROM (NEW.sbom_id, NEW.tag, NEW.namespace, NEW.labels) THEN
        NEW.changed_at := NEW.updated_at;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION inventory.note_change() IS 'Keeps images.changed_at.';
REVOKE EXECUTE ON FUNCTION inventory.note_change() FROM PUBLIC;
CREATE TRIGGER note_change BEFORE INSERT OR UPDATE ON inventory.images
    FOR EACH ROW EXECUTE FUNCTION inventory.note_change();
