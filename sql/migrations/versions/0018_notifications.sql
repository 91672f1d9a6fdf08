-- What people are to be told: written with what happened, delivered afterwards.

CREATE TABLE scheduler.notifications (
    tenant_id     text NOT NULL REFERENCES scheduler.tenants,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('schedule_paused')),
    subject       text NOT NULL CHECK (subject <> ''),
    message       text NOT NULL CHECK (message <> ''),
    created_at    timestamptz NOT NULL CHECK (isfinite(created_at)),
    attempts      smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    available_at  timestamptz NOT NULL CHECK (isfinite(available_at)),
    delivered_at  timestamptz,
    given_up_at   timestamptz,
    error         text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT delivered_or_given_up CHECK (delivered_at IS NULL OR given_up_at IS NULL),
    CONSTRAINT settled_is_tried CHECK (attempts > 0 OR delivered_at IS NULL),
    CONSTRAINT given_up_says_why CHECK (given_up_at IS NULL OR error IS NOT NULL)
);
COMMENT ON TABLE scheduler.notifications IS
    'What people are to be told, written in the transaction of what happened; the sensor notify delivers it.';
COMMENT ON COLUMN scheduler.notifications.subject IS 'What it is about, by kind: the name of a schedule.';
COMMENT ON COLUMN scheduler.notifications.attempts IS 'Deliveries begun; one that is cut off is begun again.';
COMMENT ON COLUMN scheduler.notifications.available_at IS 'When the next delivery may begin.';
COMMENT ON COLUMN scheduler.notifications.given_up_at IS 'When its delivery was given up for good; error says why.';
CREATE INDEX notifications_waiting ON scheduler.notifications (available_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX notifications_newest ON scheduler.notifications (tenant_id, created_at, id);
CREATE INDEX notifications_created ON scheduler.notifications (created_at);
SELECT scheduler.isolate_tenant('scheduler.notifications');
GRANT SELECT, INSERT ON scheduler.notifications TO scheduler_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON scheduler.notifications TO scheduler_system;
