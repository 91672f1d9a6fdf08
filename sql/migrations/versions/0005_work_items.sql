-- Work items: leases that expire, and edges that no statement may leave.

-- An end that was read before the item was claimed could come before its start.
UPDATE scheduler.graph_jobs
SET started_at = CASE WHEN started_at IS NOT NULL THEN greatest(started_at, created_at) END,
    finished_at = CASE WHEN finished_at IS NOT NULL THEN greatest(finished_at, started_at, created_at) END
WHERE started_at < created_at OR finished_at < started_at OR finished_at < created_at;
UPDATE scheduler.policy_jobs
SET started_at = CASE WHEN started_at IS NOT NULL THEN greatest(started_at, created_at) END,
    finished_at = CASE WHEN finished_at IS NOT NULL THEN greatest(finished_at, started_at, created_at) END
WHERE started_at < created_at OR finished_at < started_at OR finished_at < created_at;

ALTER TABLE scheduler.graph_jobs
    ADD CONSTRAINT started_when_claimed CHECK (CASE status
        WHEN 'pending' THEN started_at IS NULL
        WHEN 'cancelled' THEN started_at IS NULL OR attempts > 0
        ELSE started_at IS NOT NULL AND attempts > 0 END),
    ADD CONSTRAINT times_in_order CHECK (started_at >= created_at AND finished_at >= coalesce(started_at, created_at)),
    ADD CONSTRAINT lease_lasts CHECK (lease_owner <> '' AND lease_expires_at > started_at AND isfinite(lease_expires_at)),
    ADD CONSTRAINT only_completed_has_digest CHECK (status = 'completed' OR result_digest IS NULL),
    ADD CONSTRAINT error_says_something CHECK (error <> '');
ALTER TABLE scheduler.policy_jobs
    ADD CONSTRAINT started_when_claimed CHECK (CASE status
        WHEN 'pending' THEN started_at IS NULL
        WHEN 'cancelled' THEN started_at IS NULL OR attempts > 0
        ELSE started_at IS NOT NULL AND attempts > 0 END),
    ADD CONSTRAINT times_in_order CHECK (started_at >= created_at AND finished_at >= coalesce(started_at, created_at)),
    ADD CONSTRAINT lease_lasts CHECK (lease_owner <> '' AND lease_expires_at > started_at AND isfinite(lease_expires_at)),
    ADD CONSTRAINT only_completed_has_digest
        CHECK (status = 'completed' OR (input_digest IS NULL AND result_digest IS NULL)),
    ADD CONSTRAINT error_says_something CHECK (error <> '');

CREATE TRIGGER legal_edges BEFORE UPDATE ON scheduler.graph_jobs FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('pending', 'running'), ('pending', 'cancelled'), ('running', 'completed'), ('running', 'failed'),
        ('running', 'cancelled'), ('running', 'pending'))
    OR OLD.status IN ('completed', 'failed', 'cancelled') AND OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION scheduler.refuse_edge();
CREATE TRIGGER legal_edges BEFORE UPDATE ON scheduler.policy_jobs FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('pending', 'running'), ('pending', 'cancelled'), ('running', 'completed'), ('running', 'failed'),
        ('running', 'cancelled'), ('running', 'pending'))
    OR OLD.status IN ('completed', 'failed', 'cancelled') AND OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION scheduler.refuse_edge();

-- The claim and the cancelling of a run go by graph_jobs_open and policy_jobs_open, which hold open items only.
CREATE INDEX graph_jobs_of_run ON scheduler.graph_jobs (tenant_id, run_id, id);
CREATE INDEX graph_jobs_of_status ON scheduler.graph_jobs (tenant_id, status, id);
CREATE INDEX graph_jobs_of_image ON scheduler.graph_jobs (tenant_id, image_id, id);
CREATE INDEX graph_jobs_leased ON scheduler.graph_jobs (lease_expires_at) WHERE status = 'running';
CREATE INDEX policy_jobs_of_run ON scheduler.policy_jobs (tenant_id, run_id, id);
CREATE INDEX policy_jobs_of_status ON scheduler.policy_jobs (tenant_id, status, id);
CREATE INDEX policy_jobs_of_image ON scheduler.policy_jobs (tenant_id, image_id, id);
CREATE INDEX policy_jobs_leased ON scheduler.policy_jobs (lease_expires_at) WHERE status = 'running';

COMMENT ON COLUMN scheduler.graph_jobs.attempts IS 'How often it was claimed; with lease_owner it names the lease.';
COMMENT ON COLUMN scheduler.graph_jobs.lease_owner IS 'Id of the worker that claimed it.';
COMMENT ON COLUMN scheduler.graph_jobs.lease_expires_at IS 'From when on it may be given back; until it is, the lease holds.';
COMMENT ON COLUMN scheduler.graph_jobs.started_at IS 'When it was claimed last; NULL again once it was given back.';
COMMENT ON COLUMN scheduler.policy_jobs.attempts IS 'How often it was claimed; with lease_owner it names the lease.';
COMMENT ON COLUMN scheduler.policy_jobs.lease_owner IS 'Id of the worker that claimed it.';
COMMENT ON COLUMN scheduler.policy_jobs.lease_expires_at IS 'From when on it may be given back; until it is, the lease holds.';
COMMENT ON COLUMN scheduler.policy_jobs.started_at IS 'When it was claimed last; NULL again once it was given back.';
