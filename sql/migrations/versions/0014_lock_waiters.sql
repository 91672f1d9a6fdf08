-- Who waits for a distributed lock, in the order in which it is served.

CREATE SEQUENCE scheduler.lock_tickets;
COMMENT ON SEQUENCE scheduler.lock_tickets IS 'Places in the queues of locks; the lower one is served first.';

CREATE TABLE scheduler.lock_waiters (
    key_digest  bytea NOT NULL CHECK (length(key_digest) = 32),
    ticket      bigint NOT NULL CHECK (ticket > 0),
    waiter      text NOT NULL CHECK (waiter <> ''),
    since       timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (isfinite(expires_at)),
    PRIMARY KEY (key_digest, ticket),
    CONSTRAINT waits_a_while CHECK (expires_at > since)
);
COMMENT ON TABLE scheduler.lock_waiters IS 'Who waits for which distributed lock; only the first of a key that is not expired tries to take it.';
COMMENT ON COLUMN scheduler.lock_waiters.key_digest IS 'SHA-256 of the lock''s key, as in locks.';
COMMENT ON COLUMN scheduler.lock_waiters.waiter IS 'Who will be the holder: a name as in locks.holder.';
COMMENT ON COLUMN scheduler.lock_waiters.expires_at IS
    'A waiter that did not look again by then is dead and passed over; each look moves it on.';

CREATE FUNCTION scheduler.lock_channel(ticket bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'scheduler_lock_' || ticket;
COMMENT ON FUNCTION scheduler.lock_channel(bigint) IS 'The channel on which a waiter hears that it is its turn.';

CREATE FUNCTION scheduler.listen_for_turn(ticket bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('LISTEN %I', scheduler.lock_channel(ticket));
END
$$;
COMMENT ON FUNCTION scheduler.listen_for_turn(bigint) IS 'Makes this session hear when it is a waiter''s turn.';

GRANT USAGE ON SEQUENCE scheduler.lock_tickets TO scheduler_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON scheduler.lock_waiters TO scheduler_system;
REVOKE EXECUTE ON FUNCTION scheduler.listen_for_turn(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scheduler.listen_for_turn(bigint) TO scheduler_system;
