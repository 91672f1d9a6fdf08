-- Says that an image holds components. Guard: unique by component and image.
-- LATERAL with a limit: each is looked up by the index, whatever the planner takes the list of them to be long.
INSERT INTO inventory.image_components (tenant_id, component_id, image_id)
SELECT %(tenant_id)s, known.id, %(image_id)s
FROM unnest(%(purls)s::text[], %(packages)s::text[], %(versions)s::text[], %(source_versions)s::text[], %(distros)s::text[])
    AS new (purl, package, version, source_version, distro)
CROSS JOIN LATERAL (
    SELECT c.id
    FROM inventory.component_versions AS c
    WHERE c.tenant_id = %(tenant_id)s AND c.purl = new.purl AND c.package = new.package
        AND c.version IS NOT DISTINCT FROM new.version AND c.source_version IS NOT DISTINCT FROM new.source_version
        AND c.distro IS NOT DISTINCT FROM new.distro
    LIMIT 1) AS known
ON CONFLICT DO NOTHING
