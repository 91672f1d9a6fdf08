-- Takes back ranges that a feed revision began, for a later record of the same import. Guard: this very revision's only.
DELETE FROM inventory.advisory_ranges
WHERE advisory_id = ANY(%(ids)s) AND revision_from = %(revision)s
