-- Begins a feed revision. Guard: visible to others only with the import's commit.
INSERT INTO inventory.feed_revisions (source, added, changed, unchanged, created_at, created_by)
VALUES (%(source)s, 0, 0, 0, %(now)s, %(actor)s)
RETURNING revision
