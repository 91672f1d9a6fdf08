-- Takes a lock under a new fencing token. Guard: nobody holds it or waits ahead; the advisory strategy has the session lock first, so an advisory holder in the row is dead.
WITH turn AS MATERIALIZED (
    SELECT
    FROM (
        SELECT (
            SELECT ticket
            FROM scheduler.lock_waiters
            WHERE key_digest = scheduler.lock_digest(%(key)s) AND expires_at > %(now)s
            ORDER BY ticket
            LIMIT 1) AS ticket) AS first_one
    WHERE ticket IS NULL OR ticket >= %(ticket)s::bigint
), session AS MATERIALIZED (
    SELECT CASE %(strategy)s::text
        WHEN 'advisory' THEN pg_try_advisory_lock(scheduler.advisory_key(%(key)s))
        ELSE true END AS ready
    FROM turn
), taken AS (
    INSERT INTO scheduler.locks AS l (key_digest, key, strategy, holder, fencing_token, acquired_at, expires_at)
    SELECT scheduler.lock_digest(%(key)s), %(key)s, %(strategy)s, %(holder)s, nextval('scheduler.fencing_tokens'),
        %(now)s, CASE %(strategy)s::text WHEN 'lease' THEN %(now)s + %(ttl)s::interval END
    FROM session
    WHERE ready
    ON CONFLICT (key_digest) DO UPDATE
    SET strategy = EXCLUDED.strategy, holder = EXCLUDED.holder, acquired_at = EXCLUDED.acquired_at,
        expires_at = EXCLUDED.expires_at,
        fencing_token = nextval('scheduler.fencing_tokens') -- not EXCLUDED's, drawn before the wait for the row
    WHERE CASE WHEN l.strategy = 'advisory' AND EXCLUDED.strategy = 'advisory' THEN true
        ELSE NOT scheduler.is_held(l, %(now)s) END
    RETURNING fencing_token
)
SELECT taken.fencing_token,
    CASE WHEN taken.fencing_token IS NULL AND session.ready AND %(strategy)s::text = 'advisory'
        THEN pg_advisory_unlock(scheduler.advisory_key(%(key)s)) END AS given_back
FROM session LEFT JOIN taken ON true
