-- Whether this transaction may go on with a chain: one sealer at a time, and none waits.
SELECT pg_try_advisory_xact_lock(hashtextextended('scheduler.audit_seals ' || %(chain)s, 0))
