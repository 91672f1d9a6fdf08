-- The newest complete feed revision; 0 when nothing was imported yet.
SELECT coalesce(max(revision), 0) AS revision
FROM inventory.feed_revisions
