-- Imports of advisories: read into a staging table batch by batch, published at once; what was left out is kept.

CREATE TABLE inventory.advisory_imports (
    id           uuid PRIMARY KEY,
    source       text NOT NULL CHECK (length(source) BETWEEN 1 AND 4000),
    fingerprint  text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    records      bigint NOT NULL DEFAULT 0,
    malformed    bigint NOT NULL DEFAULT 0,
    revision     bigint REFERENCES inventory.feed_revisions,
    started_at   timestamptz NOT NULL,
    started_by   text NOT NULL,
    touched_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CONSTRAINT malformed_are_records CHECK (malformed BETWEEN 0 AND records),
    CONSTRAINT revision_of_finished CHECK (revision IS NULL OR finished_at IS NOT NULL)
);
COMMENT ON TABLE inventory.advisory_imports IS
    'Imports of advisories: the unfinished ones, and of each source the last that finished.';
COMMENT ON COLUMN inventory.advisory_imports.fingerprint IS
    'SHA-256 of which files were read and what tells their contents apart; an unfinished import goes on where it is the same.';
COMMENT ON COLUMN inventory.advisory_imports.records IS 'Records read so far, from the first on: staged or left out.';
COMMENT ON COLUMN inventory.advisory_imports.revision IS 'Feed revision it became; NULL while unfinished, and when it changed nothing.';
COMMENT ON COLUMN inventory.advisory_imports.touched_at IS 'When its last batch was committed.';
CREATE INDEX advisory_imports_of_source ON inventory.advisory_imports (source, fingerprint);
CREATE INDEX advisory_imports_touched ON inventory.advisory_imports (touched_at);

CREATE TABLE inventory.staged_advisories (
    import_id  uuid NOT NULL REFERENCES inventory.advisory_imports ON DELETE CASCADE,
    id         text NOT NULL CHECK (id <> ''),
    modified   timestamptz NOT NULL,
    published  timestamptz,
    withdrawn  timestamptz,
    summary    text NOT NULL,
    aliases    text[] NOT NULL,
    severity   text NOT NULL,
    score      double precision NOT NULL,
    vector     text,
    digest     text NOT NULL,
    ranges     jsonb NOT NULL CHECK (jsonb_typeof(ranges) = 'array'),
    PRIMARY KEY (import_id, id)
);
COMMENT ON TABLE inventory.staged_advisories IS
    'What an unfinished import read, the last record of each advisory; read by nobody else, gone when it is published.';
COMMENT ON COLUMN inventory.staged_advisories.ranges IS 'Affected ranges in their order, as objects with the columns of advisory_ranges.';

CREATE TABLE inventory.quarantine (
    import_id  uuid NOT NULL REFERENCES inventory.advisory_imports ON DELETE CASCADE,
    record     bigint NOT NULL CHECK (record > 0),
    file       text NOT NULL CHECK (length(file) BETWEEN 1 AND 4000),
    line       bigint CHECK (line > 0),
    path       text NOT NULL CHECK (length(path) <= 1000),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    at         timestamptz NOT NULL,
    PRIMARY KEY (import_id, record)
);
COMMENT ON TABLE inventory.quarantine IS 'Records that an import could not use, until the next import of its source.';
COMMENT ON COLUMN inventory.quarantine.record IS 'Which record of the source, from 1.';
COMMENT ON COLUMN inventory.quarantine.file IS 'File, or archive!member.';
COMMENT ON COLUMN inventory.quarantine.line IS 'Line of a .jsonl file; NULL where a file is one record.';
COMMENT ON COLUMN inventory.quarantine.path IS 'JSON pointer to what is wrong; empty for the record itself.';

GRANT SELECT, INSERT, UPDATE, DELETE ON inventory.advisory_imports, inventory.staged_advisories TO scheduler_system;
GRANT SELECT, INSERT, DELETE ON inventory.quarantine TO scheduler_system;
