-- Tells the first living waiter of a lock, where it listens, that it is its turn; sent with the commit.
SELECT pg_notify(scheduler.lock_channel(ticket), '')
FROM (
    SELECT ticket
    FROM scheduler.lock_waiters
    WHERE key_digest = scheduler.lock_digest(%(key)s) AND expires_at > %(now)s
    ORDER BY ticket
    LIMIT 1) AS first_one
