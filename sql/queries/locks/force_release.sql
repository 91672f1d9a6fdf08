-- Frees a lock whoever holds it; returns what was held. Guard: held now.
WITH held AS MATERIALIZED (
    SELECT key_digest, key, strategy, holder, fencing_token, acquired_at, expires_at
    FROM scheduler.locks AS l
    WHERE key_digest = scheduler.lock_digest(%(key)s) AND scheduler.is_held(l, %(now)s)
    FOR UPDATE
)
UPDATE scheduler.locks AS l
SET holder = NULL, acquired_at = NULL, expires_at = NULL
FROM held
WHERE l.key_digest = held.key_digest
RETURNING held.key, held.strategy, held.holder, held.fencing_token, held.acquired_at, held.expires_at
