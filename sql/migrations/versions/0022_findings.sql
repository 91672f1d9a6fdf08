-- Findings go by what tells them apart: nothing ever asked for one by an id of its own, and each write kept an index of them.

ALTER TABLE inventory.findings DROP CONSTRAINT findings_pkey, DROP COLUMN id;
ALTER TABLE inventory.findings DROP CONSTRAINT findings_tenant_id_image_id_policy_id_component_id_advisory_key,
    ADD PRIMARY KEY (tenant_id, image_id, policy_id, component_id, advisory_id);
COMMENT ON COLUMN inventory.findings.last_run_id IS 'The run that wrote it last; one that finds the same writes nothing.';
COMMENT ON COLUMN inventory.findings.last_seen_at IS 'When it was written last.';
