-- Adds components that are not known yet. Guard: unique by purl.
INSERT INTO inventory.component_versions (tenant_id, purl, type, package, name, version, source_version, distro)
SELECT %(tenant_id)s, purl, type, package, name, version, source_version, distro
FROM unnest(%(purls)s::text[], %(types)s::text[], %(packages)s::text[], %(names)s::text[], %(versions)s::text[],
            %(source_versions)s::text[], %(distros)s::text[])
    AS new (purl, type, package, name, version, source_version, distro)
ORDER BY purl
ON CONFLICT (tenant_id, purl) DO NOTHING
