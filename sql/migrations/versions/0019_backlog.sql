-- A long backlog of one schedule: whether something of it comes before a run is one entry of an index.

DROP INDEX scheduler.runs_open;
CREATE INDEX runs_open ON scheduler.runs (tenant_id, schedule_id, scheduled_for, id) WHERE state IN ('pending', 'queued', 'running');
