-- What imports leave out is kept whatever the input: of SBOMs and VEX for their tenant, of EPSS and KEV beside advisories.

CREATE TABLE inventory.tenant_quarantine (
    tenant_id  text NOT NULL REFERENCES scheduler.tenants ON DELETE CASCADE,
    import_id  uuid NOT NULL,
    record     bigint NOT NULL CHECK (record > 0),
    kind       text NOT NULL CHECK (kind IN ('sbom', 'vex')),
    source     text NOT NULL CHECK (length(source) BETWEEN 1 AND 4000),
    file       text NOT NULL CHECK (length(file) BETWEEN 1 AND 4000),
    line       bigint CHECK (line > 0),
    path       text NOT NULL CHECK (length(path) <= 1000),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    at         timestamptz NOT NULL CHECK (isfinite(at)),
    PRIMARY KEY (tenant_id, import_id, record)
);
COMMENT ON TABLE inventory.tenant_quarantine IS
    'SBOMs, and documents and parts of VEX, that an import of a tenant could not use, until the next import of its source.';
COMMENT ON COLUMN inventory.tenant_quarantine.import_id IS
    'The import, later ones greater; there is no row of it. One that was cut off leaves what it had left out so far.';
COMMENT ON COLUMN inventory.tenant_quarantine.record IS
    'Which of what the import left out, from 1; of one VEX document it may be several.';
COMMENT ON COLUMN inventory.tenant_quarantine.source IS 'What was imported: the absolute path of a file or directory.';
COMMENT ON COLUMN inventory.tenant_quarantine.file IS 'File, or archive!member.';
COMMENT ON COLUMN inventory.tenant_quarantine.line IS 'Line of a .jsonl file; NULL where a file is one document.';
COMMENT ON COLUMN inventory.tenant_quarantine.path IS 'JSON pointer to what is wrong; empty for the document itself.';
CREATE INDEX tenant_quarantine_at ON inventory.tenant_quarantine (at);
SELECT scheduler.isolate_tenant('inventory.tenant_quarantine');
GRANT SELECT, INSERT, DELETE ON inventory.tenant_quarantine TO scheduler_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON inventory.tenant_quarantine TO scheduler_system;

ALTER TABLE inventory.advisory_imports
    ADD COLUMN kind text NOT NULL DEFAULT 'advisories' CHECK (kind IN ('advisories', 'epss', 'kev'));
COMMENT ON TABLE inventory.advisory_imports IS
    'Imports of advisories: the unfinished ones, and of each source the last that finished. Of EPSS and KEV the last each.';
COMMENT ON COLUMN inventory.advisory_imports.kind IS 'What was imported; the default is what the release before imports.';
COMMENT ON COLUMN inventory.advisory_imports.fingerprint IS
    'SHA-256 of which files were read and what tells their contents apart; an unfinished import goes on where it is the same. Of EPSS and KEV, which are read at one go, of the source.';
COMMENT ON COLUMN inventory.quarantine.record IS 'Which record, row or entry of the source, from 1.';
COMMENT ON COLUMN inventory.quarantine.line IS 'Line of a .jsonl or .csv file; NULL where a file is one record or one JSON document.';
