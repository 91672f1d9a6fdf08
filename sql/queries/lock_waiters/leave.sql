-- Gives up a place in a lock's queue, and removes those before it that were left a minute ago. Guard: its own ticket, or expired and locked by nobody.
DELETE FROM scheduler.lock_waiters
WHERE key_digest = scheduler.lock_digest(%(key)s) AND ticket = ANY (ARRAY(
    SELECT ticket
    FROM scheduler.lock_waiters
    WHERE key_digest = scheduler.lock_digest(%(key)s) AND ticket <= %(ticket)s
      AND (ticket = %(ticket)s OR expires_at < %(now)s - interval '1 minute')
    FOR UPDATE SKIP LOCKED))
