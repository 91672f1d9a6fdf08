-- Components by their ids.
SELECT id, purl, type, package, name, version, source_version
FROM inventory.component_versions
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s)
