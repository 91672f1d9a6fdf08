-- Says what a feed revision changed. Guard: within the import's transaction.
UPDATE inventory.feed_revisions
SET added = %(added)s, changed = %(changed)s, unchanged = %(unchanged)s
WHERE revision = %(revision)s
