-- Advisories of rpm packages name the source package or the one built from it: a component is found by either name.

UPDATE inventory.component_versions SET name = substring(name FROM '[^/]*$')
WHERE type IN ('alpm', 'apk', 'deb', 'rpm') AND name LIKE '%/%';
CREATE INDEX component_versions_of_binary ON inventory.component_versions (tenant_id, name)
    WHERE type = 'rpm' AND (name <> package OR source_version <> version);
COMMENT ON COLUMN inventory.component_versions.name IS
    'As the SBOM has it, with its group; of a distribution the package''s own name. An rpm advisory may name it instead of the source package.';
COMMENT ON COLUMN inventory.component_versions.source_version IS
    'Version of the source package where it differs; advisories that name that are matched on it, others on version.';
