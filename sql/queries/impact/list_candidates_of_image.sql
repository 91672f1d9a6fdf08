-- Components that an image holds beside the advisory ranges of the same package that hold now.
SELECT c.id AS component_id, coalesce(c.source_version, c.version) AS version, g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions
FROM inventory.image_components AS ic
JOIN inventory.component_versions AS c ON c.tenant_id = ic.tenant_id AND c.id = ic.component_id
JOIN inventory.advisory_ranges AS g ON g.type = c.type AND g.package = c.package AND (g.distro IS NULL OR g.distro = c.distro)
JOIN inventory.advisories AS a ON a.id = g.advisory_id
WHERE ic.tenant_id = %(tenant_id)s AND ic.image_id = %(image_id)s AND g.revision_to IS NULL AND a.withdrawn IS NULL
ORDER BY c.id, g.advisory_id, g.revision_from, g.ordinal
