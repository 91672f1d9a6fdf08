-- Adds a row that names its tenant and nothing else. Guard: none, on purpose: it is row-level security that is tried.
INSERT INTO {table} (tenant_id) VALUES (%(tenant)s)
