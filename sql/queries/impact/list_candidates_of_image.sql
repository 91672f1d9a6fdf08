-- The advisory ranges that hold now of packages of which an image has components, each with those; distributions meet, and rpm packages are named, as in list_candidates.
SELECT g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions, array_agg(c.id) AS components,
    array_agg(named.version) AS held,
    coalesce(length(g.distro) > length(c.distro), g.distro IS NOT NULL) AS vague
FROM inventory.image_components AS ic
JOIN inventory.component_versions AS c ON c.tenant_id = ic.tenant_id AND c.id = ic.component_id
CROSS JOIN LATERAL (
    SELECT c.type, c.package, coalesce(c.source_version, c.version)
    UNION ALL
    SELECT c.type, c.name, c.version
    WHERE c.type = 'rpm' AND (c.name <> c.package OR c.source_version <> c.version)) AS named (type, package, version)
JOIN inventory.advisory_ranges AS g ON g.type = named.type AND g.package = named.package AND (
    g.distro IS NULL OR g.distro = c.distro OR c.distro IS NULL
    OR starts_with(translate(c.distro, ':', '.'), translate(g.distro, ':', '.') || '.')
    OR starts_with(translate(g.distro, ':', '.'), translate(c.distro, ':', '.') || '.'))
JOIN inventory.advisories AS a ON a.id = g.advisory_id
WHERE ic.tenant_id = %(tenant_id)s AND ic.image_id = %(image_id)s AND g.revision_to IS NULL AND a.withdrawn IS NULL
GROUP BY g.advisory_id, g.revision_from, g.ordinal, vague
ORDER BY g.advisory_id, g.revision_from, g.ordinal, vague
