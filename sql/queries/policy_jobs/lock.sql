-- Lets one chunk of a tenant's policy runs be written at a time, to the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('scheduler.policy_jobs ' || %(tenant_id)s, 0))
