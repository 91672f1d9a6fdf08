-- Tries to hold an import until the transaction ends, so that no other process goes on with it; also what a holder says again.
SELECT pg_try_advisory_xact_lock(hashtextextended('scheduler.import ' || %(id)s, 0))
