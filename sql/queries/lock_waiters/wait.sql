-- Takes a place in a lock's queue, or keeps it; returns it, how many wait ahead, and who took the lock last. Guard: its own ticket.
WITH place AS (
    INSERT INTO scheduler.lock_waiters AS w (key_digest, ticket, waiter, since, expires_at)
    VALUES (scheduler.lock_digest(%(key)s), coalesce(%(ticket)s::bigint, nextval('scheduler.lock_tickets')), %(waiter)s,
        %(now)s, %(now)s + %(stay)s::interval)
    ON CONFLICT (key_digest, ticket) DO UPDATE SET expires_at = greatest(w.expires_at, EXCLUDED.expires_at)
    RETURNING key_digest, ticket
)
SELECT place.ticket, (
        SELECT count(*)
        FROM scheduler.lock_waiters AS other
        WHERE other.key_digest = place.key_digest AND other.ticket < place.ticket AND other.expires_at > %(now)s
    ) AS ahead, l.strategy, l.holder, l.fencing_token, l.acquired_at, l.expires_at
FROM place LEFT JOIN scheduler.locks AS l ON l.key_digest = place.key_digest
