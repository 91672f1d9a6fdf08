-- Schema scheduler: what to run and when, the ledger of what ran, and who carried it.

CREATE TABLE scheduler.schedules (
    tenant_id        text NOT NULL REFERENCES scheduler.tenants,
    id               uuid NOT NULL,
    name             text NOT NULL CHECK (name ~ '^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,126}[A-Za-z0-9])?$'),
    description      text NOT NULL DEFAULT '',
    kind             text NOT NULL CHECK (kind IN ('graph', 'impact', 'policy')),
    mode             text CHECK (mode IN ('full', 'incremental', 'simulate')),
    selection        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(selection) = 'object'),
    labels           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
    priority         smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    overlap          text NOT NULL DEFAULT 'skip'
                     CHECK (overlap IN ('skip', 'buffer_one', 'buffer_all', 'cancel_running', 'allow')),
    catch_up         text NOT NULL DEFAULT 'latest' CHECK (catch_up IN ('none', 'latest', 'all')),
    catch_up_window  interval NOT NULL DEFAULT '1 day' CHECK (catch_up_window BETWEEN '0 seconds' AND '36500 days'),
    misfire_grace    interval NOT NULL DEFAULT '1 minute' CHECK (misfire_grace BETWEEN '0 seconds' AND '36500 days'),
    starts_at        timestamptz CHECK (isfinite(starts_at) AND date_part('year', starts_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    ends_at          timestamptz CHECK (isfinite(ends_at) AND date_part('year', ends_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    enabled          boolean NOT NULL DEFAULT true,
    paused_reason    text,
    version          integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at       timestamptz NOT NULL,
    created_by       text NOT NULL,
    updated_at       timestamptz NOT NULL,
    updated_by       text NOT NULL,
    deleted_at       timestamptz,
    deleted_by       text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT mode_is_of_policy CHECK ((kind = 'policy') = (mode IS NOT NULL)),
    CONSTRAINT ends_after_start CHECK (ends_at > starts_at),
    CONSTRAINT only_paused_has_reason CHECK (NOT (enabled AND paused_reason IS NOT NULL)),
    CONSTRAINT deletion_names_who CHECK ((deleted_at IS NULL) = (deleted_by IS NULL))
);
COMMENT ON TABLE scheduler.schedules IS 'What to run: kind, selection and the policies of firing; its triggers say when.';
COMMENT ON COLUMN scheduler.schedules.mode IS 'Mode of a policy run; NULL for the other kinds.';
COMMENT ON COLUMN scheduler.schedules.selection IS 'Which images, and for impact which advisories.';
COMMENT ON COLUMN scheduler.schedules.misfire_grace IS 'An occurrence no older than this fires as on time, whatever catch_up says.';
COMMENT ON COLUMN scheduler.schedules.catch_up_window IS 'How old a missed occurrence may be and still be caught up.';
COMMENT ON COLUMN scheduler.schedules.version IS 'Grows by one with each edit; a run records the version it obeyed.';
CREATE UNIQUE INDEX schedules_name ON scheduler.schedules (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX schedules_active ON scheduler.schedules (tenant_id, id) WHERE enabled AND deleted_at IS NULL;

CREATE TABLE scheduler.schedule_versions (
    tenant_id    text NOT NULL,
    schedule_id  uuid NOT NULL,
    version      integer NOT NULL,
    valid_from   timestamptz NOT NULL,
    changed_by   text NOT NULL,
    content      jsonb NOT NULL,
    PRIMARY KEY (tenant_id, schedule_id, version),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules
);
COMMENT ON TABLE scheduler.schedule_versions IS 'What each version of a schedule and its triggers said, and since when; never rewritten.';

CREATE TABLE scheduler.triggers (
    tenant_id      text NOT NULL,
    id             uuid NOT NULL,
    schedule_id    uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('cron', 'interval', 'once', 'event')),
    cron           text,
    timezone       text,
    dst_gap        text CHECK (dst_gap IN ('skip', 'shift')),
    dst_overlap    text CHECK (dst_overlap IN ('first', 'second', 'both')),
    every          interval CHECK (every BETWEEN '1 second' AND '36500 days' AND extract(month FROM every) = 0 AND extract(year FROM every) = 0),
    anchor         timestamptz CHECK (isfinite(anchor) AND date_part('year', anchor AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    at             timestamptz CHECK (isfinite(at) AND date_part('year', at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    event          text,
    enabled        boolean NOT NULL DEFAULT true,
    next_fire_at   timestamptz CHECK (isfinite(next_fire_at) AND date_part('year', next_fire_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    last_fire_at   timestamptz,
    fire_count     bigint NOT NULL DEFAULT 0 CHECK (fire_count >= 0),
    misfire_count  bigint NOT NULL DEFAULT 0 CHECK (misfire_count >= 0),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules,
    CONSTRAINT cron_has_timezone CHECK ((kind = 'cron') = (cron IS NOT NULL) AND (kind = 'cron') = (timezone IS NOT NULL)),
    CONSTRAINT dst_is_of_cron CHECK (kind = 'cron' OR (dst_gap IS NULL AND dst_overlap IS NULL)),
    CONSTRAINT interval_has_anchor CHECK ((kind = 'interval') = (every IS NOT NULL) AND (kind = 'interval') = (anchor IS NOT NULL)),
    CONSTRAINT once_has_instant CHECK ((kind = 'once') = (at IS NOT NULL)),
    CONSTRAINT event_has_name CHECK ((kind = 'event') = (event IS NOT NULL)),
    CONSTRAINT event_is_never_due CHECK (kind <> 'event' OR next_fire_at IS NULL)
);
COMMENT ON TABLE scheduler.triggers IS 'When a schedule fires; a schedule may have several.';
COMMENT ON COLUMN scheduler.triggers.cron IS '5 fields, or 6 with seconds first; wall-clock time of the timezone column (IANA name).';
COMMENT ON COLUMN scheduler.triggers.dst_gap IS 'NULL: shift for a fixed time, skip for wildcard minutes or hours.';
COMMENT ON COLUMN scheduler.triggers.dst_overlap IS 'NULL: first for a fixed time, both for wildcard minutes or hours.';
COMMENT ON COLUMN scheduler.triggers.every IS 'Elapsed time between fires, counted from the anchor column.';
COMMENT ON COLUMN scheduler.triggers.next_fire_at IS 'The next occurrence not yet in the ledger; NULL when there is none (exhausted, paused, event).';
COMMENT ON COLUMN scheduler.triggers.misfire_count IS 'Occurrences that passed without a run of their own.';
CREATE INDEX triggers_due ON scheduler.triggers (tenant_id, next_fire_at) WHERE enabled AND next_fire_at IS NOT NULL;
CREATE INDEX triggers_of_schedule ON scheduler.triggers (tenant_id, schedule_id);

CREATE TABLE scheduler.launches (
    id               uuid PRIMARY KEY,
    owner            text NOT NULL CHECK (owner <> ''),
    kind             text NOT NULL CHECK (kind IN ('graph', 'impact', 'policy')),
    state            text NOT NULL CHECK (state IN ('offered', 'acknowledged', 'finished', 'dead')),
    offers           integer NOT NULL DEFAULT 0 CHECK (offers >= 0),
    offered_at       timestamptz,
    dagster_run_id   text,
    created_at       timestamptz NOT NULL,
    acknowledged_at  timestamptz,
    finished_at      timestamptz,
    CONSTRAINT acknowledged_names_run CHECK (state NOT IN ('acknowledged', 'finished') OR (dagster_run_id IS NOT NULL AND acknowledged_at IS NOT NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('finished', 'dead')) = (finished_at IS NOT NULL))
);
COMMENT ON TABLE scheduler.launches IS 'One Dagster run each: the runs it carries point to it. Offered to Dagster until a Dagster run acknowledges it.';
COMMENT ON COLUMN scheduler.launches.owner IS 'Storage id of the Dagster instance that submits it.';
COMMENT ON COLUMN scheduler.launches.offers IS 'How often a tick returned it as a RunRequest; its id is the run key, so Dagster drops repeats.';
CREATE INDEX launches_open ON scheduler.launches (owner, id) WHERE state IN ('offered', 'acknowledged');
CREATE INDEX launches_offered ON scheduler.launches (owner, offered_at NULLS FIRST) WHERE state = 'offered';

CREATE TABLE scheduler.workers (
    id                 uuid PRIMARY KEY,
    host               text NOT NULL,
    pid                integer NOT NULL CHECK (pid > 0),
    kinds              text[] NOT NULL,
    capacity           integer NOT NULL CHECK (capacity > 0),
    version            text NOT NULL,
    dagster_run_id     text,
    status             text NOT NULL CHECK (status IN ('active', 'draining', 'gone', 'dead')),
    registered_at      timestamptz NOT NULL,
    last_heartbeat_at  timestamptz NOT NULL,
    ended_at           timestamptz,
    CONSTRAINT ended_has_time CHECK ((status IN ('gone', 'dead')) = (ended_at IS NOT NULL))
);
COMMENT ON TABLE scheduler.workers IS 'Processes that carry runs; silent longer than the limit by this database''s clock is dead.';
COMMENT ON COLUMN scheduler.workers.status IS 'gone: deregistered by itself; dead: declared by rescue.';
CREATE INDEX workers_alive ON scheduler.workers (last_heartbeat_at) WHERE status IN ('active', 'draining');

CREATE TABLE scheduler.runs (
    tenant_id         text NOT NULL REFERENCES scheduler.tenants,
    id                uuid NOT NULL,
    schedule_id       uuid,
    schedule_version  integer,
    trigger_id        uuid,
    trigger_kind      text NOT NULL CHECK (trigger_kind IN ('cron', 'interval', 'once', 'event', 'manual', 'retry')),
    kind              text NOT NULL CHECK (kind IN ('graph', 'impact', 'policy')),
    mode              text CHECK (mode IN ('full', 'incremental', 'simulate')),
    selection         jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(selection) = 'object'),
    priority          smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    state             text NOT NULL
                      CHECK (state IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled', 'skipped')),
    reason            text,
    attempt           integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    fencing_token     bigint,
    scheduled_for     timestamptz NOT NULL CHECK (isfinite(scheduled_for) AND date_part('year', scheduled_for AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    available_at      timestamptz NOT NULL CHECK (isfinite(available_at) AND date_part('year', available_at AT TIME ZONE 'UTC') BETWEEN 2 AND 9998),
    launch_id         uuid REFERENCES scheduler.launches,
    dagster_run_id    text,
    worker_id         uuid REFERENCES scheduler.workers,
    retry_of          uuid,
    cancel_requested_at timestamptz,
    requested_by      text NOT NULL,
    skipped_count     bigint,
    skipped_first     timestamptz,
    skipped_last      timestamptz,
    stats             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(stats) = 'object'),
    deltas            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(deltas) = 'object'),
    error             text,
    created_at        timestamptz NOT NULL,
    started_at        timestamptz,
    finished_at       timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules,
    FOREIGN KEY (tenant_id, trigger_id) REFERENCES scheduler.triggers,
    FOREIGN KEY (tenant_id, retry_of) REFERENCES scheduler.runs,
    CONSTRAINT one_row_an_occurrence UNIQUE (tenant_id, trigger_id, scheduled_for),
    CONSTRAINT mode_is_of_policy CHECK ((kind = 'policy') = (mode IS NOT NULL)),
    CONSTRAINT schedule_has_version CHECK ((schedule_id IS NULL) = (schedule_version IS NULL)),
    CONSTRAINT fired_has_trigger CHECK ((trigger_kind IN ('cron', 'interval', 'once', 'event')) = (trigger_id IS NOT NULL)),
    CONSTRAINT trigger_has_schedule CHECK (trigger_id IS NULL OR schedule_id IS NOT NULL),
    CONSTRAINT retry_names_run CHECK ((trigger_kind = 'retry') = (retry_of IS NOT NULL)),
    CONSTRAINT terminal_has_end CHECK ((state IN ('completed', 'failed', 'cancelled', 'skipped')) = (finished_at IS NOT NULL)),
    CONSTRAINT pending_has_no_launch CHECK (state <> 'pending' OR (launch_id IS NULL AND fencing_token IS NULL)),
    CONSTRAINT queued_has_launch CHECK (state <> 'queued' OR (launch_id IS NOT NULL AND fencing_token IS NULL)),
    CONSTRAINT running_is_fenced CHECK (state NOT IN ('running', 'completed') OR (launch_id IS NOT NULL AND
        fencing_token IS NOT NULL AND started_at IS NOT NULL AND dagster_run_id IS NOT NULL AND worker_id IS NOT NULL)),
    CONSTRAINT failed_has_error CHECK ((state = 'failed') = (error IS NOT NULL)),
    CONSTRAINT skipped_is_counted CHECK (
        (state = 'skipped') = (skipped_count IS NOT NULL) AND (state = 'skipped') = (skipped_first IS NOT NULL)
        AND (state = 'skipped') = (skipped_last IS NOT NULL)),
    CONSTRAINT skipped_has_reason CHECK (state <> 'skipped' OR (reason IS NOT NULL AND skipped_count > 0
        AND skipped_first <= skipped_last AND launch_id IS NULL)),
    CONSTRAINT times_in_order CHECK (finished_at >= started_at)
);
COMMENT ON TABLE scheduler.runs IS 'The ledger: one row per occurrence, manual launch or event, fired or skipped with its reason.';
COMMENT ON COLUMN scheduler.runs.scheduled_for IS 'The planned instant; for a manual run the instant of the request.';
COMMENT ON COLUMN scheduler.runs.available_at IS 'Not launched before this instant (backoff of a retry).';
COMMENT ON COLUMN scheduler.runs.fencing_token IS 'Of the current attempt; every write of a run''s results is guarded by it.';
COMMENT ON COLUMN scheduler.runs.schedule_version IS 'The version of the schedule this run obeyed.';
COMMENT ON COLUMN scheduler.runs.skipped_count IS 'How many occurrences a skipped row accounts for, from skipped_first to skipped_last.';
COMMENT ON COLUMN scheduler.runs.cancel_requested_at IS 'Somebody asked the running attempt to stop; the engine looks between chunks.';
COMMENT ON COLUMN scheduler.runs.stats IS 'Counts of the result, by kind of run.';
COMMENT ON COLUMN scheduler.runs.deltas IS 'What changed against the run before: new, fixed, changed.';
CREATE INDEX runs_pending ON scheduler.runs (tenant_id, priority DESC, scheduled_for, id) WHERE state = 'pending';
CREATE INDEX runs_open ON scheduler.runs (tenant_id, schedule_id) WHERE state IN ('pending', 'queued', 'running');
CREATE INDEX runs_of_schedule ON scheduler.runs (tenant_id, schedule_id, id);
CREATE INDEX runs_ended ON scheduler.runs (tenant_id, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_running ON scheduler.runs (worker_id) WHERE state = 'running';
CREATE INDEX runs_of_launch ON scheduler.runs (launch_id) WHERE launch_id IS NOT NULL;
CREATE INDEX runs_finished ON scheduler.runs (tenant_id, schedule_id, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_skipped_or_cancelled ON scheduler.runs (finished_at) WHERE state IN ('skipped', 'cancelled');

CREATE VIEW scheduler.ledger WITH (security_invoker = true) AS
SELECT r.tenant_id, r.id, r.schedule_id, s.name AS schedule_name, r.schedule_version, r.trigger_id, r.trigger_kind, r.kind,
    r.mode, r.selection, r.priority, r.state, r.reason, r.attempt, r.fencing_token, r.scheduled_for, r.available_at,
    r.launch_id, r.dagster_run_id, r.worker_id, r.retry_of, r.cancel_requested_at, r.requested_by, r.skipped_count,
    r.skipped_first, r.skipped_last, r.stats, r.deltas, r.error, r.created_at, r.started_at, r.finished_at
FROM scheduler.runs AS r
LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id;
COMMENT ON VIEW scheduler.ledger IS 'Runs with the names of their schedules, under the rights of whoever reads it.';

CREATE TABLE scheduler.graph_jobs (
    tenant_id         text NOT NULL,
    id                uuid NOT NULL,
    run_id            uuid NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('build', 'overlay')),
    image_id          uuid NOT NULL,
    sbom_id           uuid NOT NULL,
    status            text NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    attempts          integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease_owner       text,
    lease_expires_at  timestamptz,
    result_digest     text CHECK (result_digest ~ '^[0-9a-f]{64}$'),
    stats             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(stats) = 'object'),
    error             text,
    created_at        timestamptz NOT NULL,
    started_at        timestamptz,
    finished_at       timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES scheduler.runs,
    UNIQUE (tenant_id, run_id, image_id, kind),
    CONSTRAINT terminal_has_end CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT running_has_lease CHECK ((status = 'running') = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT completed_has_digest CHECK (status <> 'completed' OR result_digest IS NOT NULL),
    CONSTRAINT failed_has_error CHECK ((status = 'failed') = (error IS NOT NULL))
);
COMMENT ON TABLE scheduler.graph_jobs IS 'Work items of a graph run: one image each.';
COMMENT ON COLUMN scheduler.graph_jobs.result_digest IS 'Digest of the graph in inventory.graphs.';
CREATE INDEX graph_jobs_open ON scheduler.graph_jobs (tenant_id, run_id, id) WHERE status IN ('pending', 'running');

CREATE TABLE scheduler.policy_jobs (
    tenant_id         text NOT NULL,
    id                uuid NOT NULL,
    run_id            uuid NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('full', 'incremental', 'simulate')),
    image_id          uuid NOT NULL,
    sbom_id           uuid NOT NULL,
    status            text NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    attempts          integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease_owner       text,
    lease_expires_at  timestamptz,
    input_digest      text CHECK (input_digest ~ '^[0-9a-f]{64}$'),
    result_digest     text CHECK (result_digest ~ '^[0-9a-f]{64}$'),
    stats             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(stats) = 'object'),
    error             text,
    created_at        timestamptz NOT NULL,
    started_at        timestamptz,
    finished_at       timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES scheduler.runs,
    UNIQUE (tenant_id, run_id, image_id),
    CONSTRAINT terminal_has_end CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT running_has_lease CHECK ((status = 'running') = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT completed_has_digest CHECK (status <> 'completed' OR (input_digest IS NOT NULL AND result_digest IS NOT NULL)),
    CONSTRAINT failed_has_error CHECK ((status = 'failed') = (error IS NOT NULL))
);
COMMENT ON TABLE scheduler.policy_jobs IS 'Work items of a policy run: one image each.';
COMMENT ON COLUMN scheduler.policy_jobs.input_digest IS 'Digest of all that decides the result; an incremental run leaves out images whose digest is unchanged.';
CREATE INDEX policy_jobs_open ON scheduler.policy_jobs (tenant_id, run_id, id) WHERE status IN ('pending', 'running');
CREATE INDEX policy_jobs_evaluated ON scheduler.policy_jobs (tenant_id, image_id, finished_at DESC, id DESC)
    WHERE status = 'completed' AND kind <> 'simulate';

CREATE TABLE scheduler.impact_snapshots (
    tenant_id      text NOT NULL,
    id             uuid NOT NULL,
    run_id         uuid NOT NULL,
    schedule_id    uuid,
    selector       jsonb NOT NULL CHECK (jsonb_typeof(selector) = 'object'),
    feed_revision  bigint NOT NULL,
    total          integer NOT NULL CHECK (total >= 0),
    unknown        integer NOT NULL CHECK (unknown >= 0),
    digest         text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES scheduler.runs,
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules,
    UNIQUE (tenant_id, run_id)
);
COMMENT ON TABLE scheduler.impact_snapshots IS 'Which images a run found affected, as of a feed revision.';
COMMENT ON COLUMN scheduler.impact_snapshots.total IS 'Affected images.';
COMMENT ON COLUMN scheduler.impact_snapshots.unknown IS 'Pairs of component and advisory whose versions cannot be compared; never counted as safe.';
COMMENT ON COLUMN scheduler.impact_snapshots.digest IS 'SHA-256 over the sorted rows; equal input gives an equal digest.';
CREATE INDEX impact_snapshots_of_schedule ON scheduler.impact_snapshots (tenant_id, schedule_id, id DESC);

CREATE TABLE scheduler.impact_snapshot_images (
    tenant_id    text NOT NULL,
    snapshot_id  uuid NOT NULL,
    image_id     uuid NOT NULL,
    reasons      jsonb NOT NULL CHECK (jsonb_typeof(reasons) = 'array'),
    PRIMARY KEY (tenant_id, snapshot_id, image_id),
    FOREIGN KEY (tenant_id, snapshot_id) REFERENCES scheduler.impact_snapshots
);
COMMENT ON TABLE scheduler.impact_snapshot_images IS 'The rows of a snapshot. No foreign key to images: a snapshot is history and outlives them.';
COMMENT ON COLUMN scheduler.impact_snapshot_images.reasons IS 'Why the image is affected: [purl, advisory id] pairs, sorted.';

CREATE TABLE scheduler.execution_logs (
    tenant_id  text NOT NULL,
    run_id     uuid NOT NULL,
    attempt    integer NOT NULL,
    line       integer NOT NULL,
    at         timestamptz NOT NULL,
    level      text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message    text NOT NULL,
    fields     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object'),
    PRIMARY KEY (tenant_id, run_id, attempt, line, at)
) PARTITION BY RANGE (at);
COMMENT ON TABLE scheduler.execution_logs IS
    'What a run said. Monthly partitions, made ahead; no foreign key to runs: attaching a partition would lock out their writers.';

CREATE FUNCTION scheduler.ensure_log_partitions(since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    month     timestamptz := date_trunc('month', since, 'UTC');
    following timestamptz;
    partition text;
    made      integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('scheduler.ensure_log_partitions', 0));
    WHILE month <= until LOOP
        following := date_trunc('month', month + interval '32 days', 'UTC');
        partition := 'execution_logs_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
        IF to_regclass(format('scheduler.%I', partition)) IS NULL THEN
            EXECUTE format('CREATE TABLE scheduler.%I (LIKE scheduler.execution_logs INCLUDING ALL)', partition);
            EXECUTE format('ALTER TABLE scheduler.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition);
            EXECUTE format('CREATE POLICY owner_rows ON scheduler.%I TO scheduler_owner USING (true) WITH CHECK (true)', partition);
            EXECUTE format('ALTER TABLE scheduler.execution_logs ATTACH PARTITION scheduler.%I FOR VALUES FROM (%L) TO (%L)',
                           partition, month, following);
            made := made + 1;
        END IF;
        month := following;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION scheduler.ensure_log_partitions(timestamptz, timestamptz) IS
    'Creates and attaches the monthly log partitions of a period; returns how many were missing. Partitions are granted to nobody: read directly they would bypass the parent''s policy.';

CREATE TABLE scheduler.locks (
    key_digest     bytea PRIMARY KEY CHECK (length(key_digest) = 32),
    key            text NOT NULL,
    strategy       text NOT NULL CHECK (strategy IN ('advisory', 'lease')),
    holder         text,
    fencing_token  bigint NOT NULL,
    acquired_at    timestamptz,
    expires_at     timestamptz,
    CONSTRAINT held_has_times CHECK ((holder IS NULL) = (acquired_at IS NULL)),
    CONSTRAINT lease_expires CHECK (holder IS NULL OR (strategy = 'lease') = (expires_at IS NOT NULL))
);
COMMENT ON TABLE scheduler.locks IS 'Who holds which distributed lock.';
COMMENT ON COLUMN scheduler.locks.key_digest IS 'SHA-256 of the key: keys may be longer than an index entry.';
COMMENT ON COLUMN scheduler.locks.fencing_token IS 'Of the latest acquisition; stays when the lock is free, and never goes back.';

CREATE TABLE scheduler.run_summaries (
    tenant_id       text NOT NULL REFERENCES scheduler.tenants,
    schedule_id     uuid,
    kind            text NOT NULL CHECK (kind IN ('graph', 'impact', 'policy')),
    granularity     text NOT NULL CHECK (granularity IN ('hour', 'day')),
    bucket          timestamptz NOT NULL,
    completed       integer NOT NULL CHECK (completed >= 0),
    failed          integer NOT NULL CHECK (failed >= 0),
    cancelled       integer NOT NULL CHECK (cancelled >= 0),
    skipped         bigint NOT NULL CHECK (skipped >= 0),
    duration_min    double precision,
    duration_avg    double precision,
    duration_max    double precision,
    duration_p95    double precision,
    lateness_avg    double precision,
    lateness_max    double precision,
    lateness_p95    double precision,
    deltas          jsonb NOT NULL DEFAULT '{}',
    updated_at      timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (tenant_id, schedule_id, kind, granularity, bucket),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES scheduler.schedules
);
COMMENT ON TABLE scheduler.run_summaries IS 'Finished runs per schedule and hour or day (UTC); computed from runs, so writing one again changes nothing.';
COMMENT ON COLUMN scheduler.run_summaries.schedule_id IS 'NULL gathers the runs without a schedule.';
COMMENT ON COLUMN scheduler.run_summaries.skipped IS 'Occurrences, not rows: a skipped row may account for many.';
COMMENT ON COLUMN scheduler.run_summaries.duration_avg IS 'Seconds from start to end of completed and failed runs.';
COMMENT ON COLUMN scheduler.run_summaries.lateness_avg IS 'Seconds from the planned instant to the start.';
CREATE INDEX run_summaries_newest ON scheduler.run_summaries (tenant_id, granularity, bucket DESC);

CREATE TABLE scheduler.audit (
    id              uuid PRIMARY KEY,
    tenant_id       text,
    at              timestamptz NOT NULL,
    actor           text NOT NULL CHECK (actor <> ''),
    action          text NOT NULL,
    entity          text NOT NULL,
    entity_id       text NOT NULL,
    old             jsonb,
    new             jsonb,
    correlation_id  uuid NOT NULL,
    CONSTRAINT says_what_changed CHECK (old IS NOT NULL OR new IS NOT NULL)
);
COMMENT ON TABLE scheduler.audit IS 'Who changed what, when; written in the transaction of the change. Append-only for every role but the owner.';
COMMENT ON COLUMN scheduler.audit.tenant_id IS 'NULL for what belongs to no tenant, such as an advisory feed.';
CREATE INDEX audit_of_tenant ON scheduler.audit (tenant_id, at DESC, id);
CREATE INDEX audit_of_entity ON scheduler.audit (tenant_id, entity, entity_id, at DESC);

CREATE FUNCTION scheduler.refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_user <> 'scheduler_owner' THEN
        RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING ERRCODE = 'SC002';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION scheduler.refuse_rewrite() IS 'Refuses UPDATE, DELETE and TRUNCATE for every role but the owner.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON scheduler.audit
    FOR EACH STATEMENT EXECUTE FUNCTION scheduler.refuse_rewrite();

SELECT scheduler.isolate_tenant(name::regclass) FROM unnest(ARRAY[
    'scheduler.schedules', 'scheduler.schedule_versions', 'scheduler.triggers', 'scheduler.runs',
    'scheduler.graph_jobs', 'scheduler.policy_jobs', 'scheduler.impact_snapshots',
    'scheduler.impact_snapshot_images', 'scheduler.execution_logs', 'scheduler.run_summaries',
    'scheduler.audit']) AS name;

GRANT SELECT, INSERT, UPDATE ON scheduler.schedules, scheduler.triggers, scheduler.runs, scheduler.graph_jobs,
    scheduler.policy_jobs, scheduler.run_summaries TO scheduler_tenant, scheduler_system;
GRANT SELECT, INSERT ON scheduler.schedule_versions, scheduler.impact_snapshots, scheduler.impact_snapshot_images,
    scheduler.execution_logs, scheduler.audit TO scheduler_tenant, scheduler_system;
GRANT SELECT ON scheduler.ledger TO scheduler_tenant, scheduler_system;
GRANT SELECT, INSERT, UPDATE ON scheduler.launches, scheduler.workers, scheduler.locks TO scheduler_system;
REVOKE EXECUTE ON FUNCTION scheduler.ensure_log_partitions(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scheduler.ensure_log_partitions(timestamptz, timestamptz) TO scheduler_system;
