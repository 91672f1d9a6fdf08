-- Begins the ranges of new and changed advisories. Guard: unique by advisory, revision and ordinal.
INSERT INTO inventory.advisory_ranges (advisory_id, revision_from, ordinal, type, package, distro, kind, events, versions)
SELECT advisory_id, %(revision)s, ordinal, type, package, distro, kind, events,
    coalesce((SELECT array_agg(version) FROM jsonb_array_elements_text(versions) AS version), '{}')
FROM unnest(%(advisory_ids)s::text[], %(ordinals)s::integer[], %(types)s::text[], %(packages)s::text[], %(distros)s::text[], %(kinds)s::text[],
            %(events)s::jsonb[], %(versions)s::jsonb[])
    AS new (advisory_id, ordinal, type, package, distro, kind, events, versions)
