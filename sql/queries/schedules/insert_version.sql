-- Keeps what a version of a schedule and its triggers says. Guard: a version is written once.
INSERT INTO scheduler.schedule_versions (tenant_id, schedule_id, version, valid_from, changed_by, content)
VALUES (%(tenant_id)s, %(schedule_id)s, %(version)s, %(now)s, %(actor)s, %(content)s)
