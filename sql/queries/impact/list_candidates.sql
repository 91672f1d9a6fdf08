-- The advisory ranges of packages of which a tenant has components, each with those: what holds now, or with since_revision all that began or ended after it.
-- A range of debian meets what is of debian:12; what is of debian, or of nobody knows what, meets one of debian:12 vaguely.
SELECT g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions, array_agg(c.id) AS components,
    array_agg(coalesce(c.source_version, c.version)) AS held,
    coalesce(length(g.distro) > length(c.distro), g.distro IS NOT NULL) AS vague
FROM inventory.component_versions AS c
JOIN inventory.advisory_ranges AS g ON g.type = c.type AND g.package = c.package AND (
    g.distro IS NULL OR g.distro = c.distro OR c.distro IS NULL
    OR starts_with(translate(c.distro, ':', '.'), translate(g.distro, ':', '.') || '.')
    OR starts_with(translate(g.distro, ':', '.'), translate(c.distro, ':', '.') || '.'))
JOIN inventory.advisories AS a ON a.id = g.advisory_id
WHERE c.tenant_id = %(tenant_id)s
  AND (%(advisories)s::text[] IS NULL OR g.advisory_id = ANY(%(advisories)s))
  AND CASE WHEN %(since_revision)s::bigint IS NULL THEN g.revision_to IS NULL AND (a.withdrawn IS NULL OR %(with_withdrawn)s)
           ELSE g.revision_from > %(since_revision)s OR g.revision_to > %(since_revision)s END
GROUP BY g.advisory_id, g.revision_from, g.ordinal, vague
ORDER BY g.advisory_id, g.revision_from, g.ordinal, vague
