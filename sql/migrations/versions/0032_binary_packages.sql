-- Advisories of rpm packages name the source package or the one built from it: a component is found by either name.

UPDATE inventory.component_versions AS c SET name = own.name
FROM (
    SELECT tenant_id, id, replace(substring(purl FROM '^pkg:[^?#@]*/([^/?#@]+)'), '%2B', '+') AS name
    FROM inventory.component_versions
    WHERE type IN ('alpm', 'apk', 'deb', 'rpm')) AS own
WHERE c.tenant_id = own.tenant_id AND c.id = own.id AND c.name <> own.name;
CREATE INDEX component_versions_of_binary ON inventory.component_versions (tenant_id, name)
    WHERE type = 'rpm' AND (name <> package OR source_version <> version);
COMMENT ON COLUMN inventory.component_versions.name IS
    'As the SBOM has it, with its group; of a distribution the package''s own name. An rpm advisory may name it instead of the source package.';
COMMENT ON COLUMN inventory.component_versions.source_version IS
    'Version of the source package where it differs; advisories that name that are matched on it, others on version.';
