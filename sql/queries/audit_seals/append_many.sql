-- Appends links to a chain. Guard: append-only, seq and entry unique.
INSERT INTO scheduler.audit_seals (chain, tenant_id, seq, audit_id, previous_hash, hash, sealed_at)
SELECT * FROM unnest(%(chain)s::text[], %(tenant_id)s::text[], %(seq)s::bigint[], %(audit_id)s::uuid[],
                     %(previous_hash)s::bytea[], %(hash)s::bytea[], %(sealed_at)s::timestamptz[])
