-- Says that an owner's daemon claims. Guard: said at most once in a while, so that a claim that polls writes little.
INSERT INTO scheduler.instances AS i (owner, last_seen_at)
VALUES (%(owner)s, %(now)s)
ON CONFLICT (owner) DO UPDATE SET last_seen_at = EXCLUDED.last_seen_at
WHERE i.last_seen_at NOT BETWEEN EXCLUDED.last_seen_at - %(often)s::interval AND EXCLUDED.last_seen_at
