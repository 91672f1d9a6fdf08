-- Ends the ranges of advisories that a feed revision replaces. Guard: only ranges that hold and began earlier.
UPDATE inventory.advisory_ranges
SET revision_to = %(revision)s
WHERE advisory_id = ANY(%(ids)s) AND revision_to IS NULL AND revision_from < %(revision)s
