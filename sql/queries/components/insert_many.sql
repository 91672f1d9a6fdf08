-- Adds components that are not known yet, in one order in every transaction. Guard: unique by all that tells them apart.
INSERT INTO inventory.component_versions (tenant_id, purl, type, package, name, version, source_version, distro)
SELECT %(tenant_id)s, purl, type, package, name, version, source_version, distro
FROM unnest(%(purls)s::text[], %(types)s::text[], %(packages)s::text[], %(names)s::text[], %(versions)s::text[],
            %(source_versions)s::text[], %(distros)s::text[])
    AS new (purl, type, package, name, version, source_version, distro)
ORDER BY purl COLLATE "C", package COLLATE "C", version COLLATE "C" NULLS FIRST, source_version COLLATE "C" NULLS FIRST,
    distro COLLATE "C" NULLS FIRST
ON CONFLICT (tenant_id, purl, package, version, source_version, distro) DO NOTHING
