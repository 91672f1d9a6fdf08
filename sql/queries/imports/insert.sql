-- Begins an import. Guard: whoever begins it holds it.
INSERT INTO inventory.advisory_imports (id, kind, source, fingerprint, started_at, started_by, touched_at)
VALUES (%(id)s, %(kind)s, %(source)s, %(fingerprint)s, %(now)s, %(actor)s, %(now)s)
RETURNING id, kind, source, fingerprint, records, malformed, revision, started_at, started_by, touched_at, finished_at
