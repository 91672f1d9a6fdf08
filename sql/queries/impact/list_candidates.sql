-- The advisory ranges of packages of which a tenant has components, each with those: what holds now, or with since_revision all that began or ended after it.
-- A range of debian meets what is of debian:12; what is of debian, or of nobody knows what, meets one of debian:12 vaguely.
-- Ranges of rpm may name what a package was built from, which is held at that one's version, or the package itself.
SELECT g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions, met.components, met.held, met.vague
FROM (
    SELECT advisory_id, revision_from, ordinal, array_agg(component) AS components, array_agg(version) AS held,
        coalesce(length(wanted) > length(distro), wanted IS NOT NULL) AS vague
    FROM (
        SELECT g.advisory_id, g.revision_from, g.revision_to, g.ordinal, g.distro AS wanted,
            c.id AS component, coalesce(c.source_version, c.version) AS version, c.distro
        FROM inventory.component_versions AS c
        JOIN inventory.advisory_ranges AS g ON g.type = c.type AND g.package = c.package
        WHERE c.tenant_id = %(tenant_id)s
        UNION ALL
        SELECT g.advisory_id, g.revision_from, g.revision_to, g.ordinal, g.distro, c.id, c.version, c.distro
        FROM inventory.component_versions AS c
        JOIN inventory.advisory_ranges AS g ON g.type = c.type AND g.package = c.name
        WHERE c.tenant_id = %(tenant_id)s AND c.type = 'rpm'
          AND (c.name <> c.package OR c.source_version <> c.version)) AS named
    WHERE (wanted IS NULL OR wanted = distro OR distro IS NULL
           OR starts_with(translate(distro, ':', '.'), translate(wanted, ':', '.') || '.')
           OR starts_with(translate(wanted, ':', '.'), translate(distro, ':', '.') || '.'))
      AND (%(advisories)s::text[] IS NULL OR advisory_id = ANY(%(advisories)s))
      AND CASE WHEN %(since_revision)s::bigint IS NULL THEN revision_to IS NULL
               ELSE revision_from > %(since_revision)s OR revision_to > %(since_revision)s END
    GROUP BY advisory_id, revision_from, ordinal, vague) AS met
JOIN inventory.advisory_ranges AS g USING (advisory_id, revision_from, ordinal)
JOIN inventory.advisories AS a ON a.id = g.advisory_id
WHERE %(since_revision)s::bigint IS NOT NULL OR a.withdrawn IS NULL OR %(with_withdrawn)s
ORDER BY g.advisory_id, g.revision_from, g.ordinal, met.vague
