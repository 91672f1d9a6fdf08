-- Keeps what a version of a calendar says, NULL for its deletion. Guard: a version is written once.
INSERT INTO scheduler.calendar_versions (tenant_id, name, version, valid_from, changed_by, content)
VALUES (%(tenant_id)s, %(name)s, %(version)s, %(now)s, %(actor)s, %(content)s)
