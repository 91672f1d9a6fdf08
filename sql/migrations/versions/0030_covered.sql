-- A run that began after an event sees what the event brought: a fire of that event that still waits when it completes has nothing
-- left to do. Each schedule counts its events, in the transactions that make them so; a run says how many it saw.

ALTER TABLE scheduler.schedules ADD COLUMN events bigint NOT NULL DEFAULT 0 CHECK (events >= 0);
COMMENT ON COLUMN scheduler.schedules.events IS 'How many events its triggers have heard of.';

ALTER TABLE scheduler.runs ADD COLUMN events_seen bigint CHECK (events_seen >= 0);
COMMENT ON COLUMN scheduler.runs.events_seen IS 'How many events its schedule had heard of when the first attempt began: it sees what these brought.';
ALTER TABLE scheduler.runs ADD CONSTRAINT seen_by_run_of_schedule CHECK (events_seen IS NULL OR schedule_id IS NOT NULL);

-- A run over the images that impact runs found evaluates each of their snapshots once: it keeps which it took.

ALTER TABLE scheduler.runs ADD COLUMN snapshots uuid[] CHECK (array_position(snapshots, NULL) IS NULL);
COMMENT ON COLUMN scheduler.runs.snapshots IS 'The impact snapshots whose images a policy run evaluates; NULL: it was not asked to, or has not begun.';
ALTER TABLE scheduler.runs ADD CONSTRAINT snapshots_are_of_policy CHECK (snapshots IS NULL OR kind = 'policy');
