-- Writes launches to offer. Guard: their ids are new.
INSERT INTO scheduler.launches (id, owner, kind, state, created_at)
SELECT id, %(owner)s, kind, 'offered', %(now)s
FROM unnest(%(ids)s::uuid[], %(kinds)s::text[]) AS new (id, kind)
