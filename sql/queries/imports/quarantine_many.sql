-- Keeps what a batch left out. Guard: its import was advanced in this transaction, and a record is kept once.
INSERT INTO inventory.quarantine (import_id, record, file, line, path, reason, at)
SELECT %(import_id)s, record, file, line, path, reason, %(now)s
FROM jsonb_to_recordset(%(left_out)s) AS new (record bigint, file text, line bigint, path text, reason text)
