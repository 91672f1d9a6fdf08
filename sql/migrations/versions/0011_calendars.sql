-- Calendars: the dates and times that triggers leave out, and what each version of one said.

CREATE TABLE scheduler.calendars (
    tenant_id    text NOT NULL REFERENCES scheduler.tenants,
    name         text COLLATE "C" NOT NULL CHECK (name ~ '^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,126}[A-Za-z0-9])?$'),
    description  text NOT NULL DEFAULT '',
    mode         text NOT NULL CHECK (mode IN ('exclude', 'include')),
    timezone     text NOT NULL CHECK (timezone <> ''),
    on_excluded  text NOT NULL CHECK (on_excluded IN ('skip', 'move')),
    entries      jsonb NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,
    updated_at   timestamptz NOT NULL,
    updated_by   text NOT NULL,
    deleted_at   timestamptz,
    deleted_by   text,
    PRIMARY KEY (tenant_id, name),
    CONSTRAINT deletion_names_who CHECK ((deleted_at IS NULL) = (deleted_by IS NULL)),
    CONSTRAINT entries_are_a_list CHECK (
        CASE jsonb_typeof(entries) WHEN 'array' THEN jsonb_array_length(entries) <= 1000 ELSE false END),
    CONSTRAINT entries_are_objects CHECK (
        NOT jsonb_path_exists(entries, 'strict $[*] ? (@.type() <> "object")', silent => true))
);
COMMENT ON TABLE scheduler.calendars IS
    'Which times triggers leave out. A trigger names its calendars, so a name is never changed.';
COMMENT ON COLUMN scheduler.calendars.mode IS
    'exclude: excluded is where an entry matches; include: where none does.';
COMMENT ON COLUMN scheduler.calendars.timezone IS 'IANA name: entries match what the wall clock shows there.';
COMMENT ON COLUMN scheduler.calendars.on_excluded IS
    'What becomes of an excluded occurrence: skip, a skipped run; move, it fires when the excluded stretch ends.';
COMMENT ON COLUMN scheduler.calendars.entries IS
    'Each matches where all its keys do: date, from, to (inclusive), weekdays, window (HH:MM-HH:MM, past midnight that of the day it begins on).';
COMMENT ON COLUMN scheduler.calendars.version IS
    'Grows by one with each edit, also by deletion: a calendar of a name used before goes on from there, in the same row.';

CREATE TABLE scheduler.calendar_versions (
    tenant_id   text NOT NULL,
    name        text COLLATE "C" NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    valid_from  timestamptz NOT NULL,
    changed_by  text NOT NULL,
    content     jsonb CHECK (jsonb_typeof(content) = 'object'),
    PRIMARY KEY (tenant_id, name, version),
    FOREIGN KEY (tenant_id, name) REFERENCES scheduler.calendars
);
COMMENT ON TABLE scheduler.calendar_versions IS
    'What each version of a calendar said, and since when; never rewritten.';
COMMENT ON COLUMN scheduler.calendar_versions.content IS 'NULL: the calendar was deleted.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON scheduler.calendar_versions
    FOR EACH STATEMENT EXECUTE FUNCTION scheduler.refuse_rewrite();

SELECT scheduler.isolate_tenant(name::regclass)
FROM unnest(ARRAY['scheduler.calendars', 'scheduler.calendar_versions']) AS name;
GRANT SELECT, INSERT, UPDATE ON scheduler.calendars TO scheduler_tenant, scheduler_system;
GRANT SELECT, INSERT ON scheduler.calendar_versions TO scheduler_tenant, scheduler_system;

-- An index on the names themselves would not be used: under row-level security no operator of arrays is leakproof.
CREATE INDEX triggers_with_calendars ON scheduler.triggers (tenant_id, id) WHERE calendars <> '{}' AND deleted_at IS NULL;
