-- Runs over what was ingested since the last one ask which images got another SBOM since then.

ALTER TABLE inventory.images ADD COLUMN sbom_set_at timestamptz;
UPDATE inventory.images SET sbom_set_at = updated_at WHERE sbom_id IS NOT NULL;
ALTER TABLE inventory.images ADD CONSTRAINT sbom_has_time CHECK (sbom_id IS NULL OR sbom_set_at IS NOT NULL);
COMMENT ON COLUMN inventory.images.sbom_set_at IS 'When the image got the SBOM that holds.';
