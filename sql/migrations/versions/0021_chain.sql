-- Chains: images that only may be affected are rows of a snapshot too, so that what follows it looks at them.

ALTER TABLE scheduler.impact_snapshot_images
    ADD COLUMN unknown jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(unknown) = 'array');
COMMENT ON COLUMN scheduler.impact_snapshot_images.reasons IS
    'Why the image is affected: [purl, advisory id] pairs, sorted; empty where it only may be.';
COMMENT ON COLUMN scheduler.impact_snapshot_images.unknown IS
    'Why it may be: [purl, advisory id] pairs, sorted, whose versions cannot be compared.';
CREATE INDEX impact_snapshots_since ON scheduler.impact_snapshots (tenant_id, schedule_id, created_at);
