-- Keeps what an import of a tenant leaves out. Guard: what an import left out as its nth is kept once.
INSERT INTO inventory.tenant_quarantine (tenant_id, import_id, record, kind, source, file, line, path, reason, at)
SELECT %(tenant_id)s, %(import_id)s, record, %(kind)s, %(source)s, file, line, path, reason, %(now)s
FROM jsonb_to_recordset(%(left_out)s) AS new (record bigint, file text, line bigint, path text, reason text)
