-- VEX: what a statement says in full, and which image it is limited to.

ALTER TABLE inventory.vex_statements
    ALTER COLUMN purl DROP NOT NULL,
    ADD COLUMN aliases text[] NOT NULL DEFAULT '{}',
    ADD COLUMN image jsonb CHECK (jsonb_typeof(image) = 'object' AND image ? 'repository'),
    ADD COLUMN note text NOT NULL DEFAULT '',
    ADD COLUMN source text NOT NULL DEFAULT '',
    ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN ingested_by text NOT NULL DEFAULT '',
    ADD CONSTRAINT speaks_of_something CHECK (purl IS NOT NULL OR image IS NOT NULL);
ALTER TABLE inventory.vex_statements
    ALTER COLUMN note DROP DEFAULT,
    ALTER COLUMN source DROP DEFAULT,
    ALTER COLUMN ingested_at DROP DEFAULT,
    ALTER COLUMN ingested_by DROP DEFAULT;
COMMENT ON COLUMN inventory.vex_statements.vulnerability IS 'Id as the statement names it; aliases are other ids of the same.';
COMMENT ON COLUMN inventory.vex_statements.purl IS
    'Canonical purl of the component; without a version every one of it; NULL: every component of the image.';
COMMENT ON COLUMN inventory.vex_statements.image IS
    'Image the statement is limited to: repository, and registry, tag and digest as far as stated; NULL: every image.';
COMMENT ON COLUMN inventory.vex_statements.note IS 'Why, or what to do, as the statement puts it.';
COMMENT ON COLUMN inventory.vex_statements.digest IS 'SHA-256 of what the statement says; a repeated one is kept once.';
DROP INDEX inventory.vex_statements_of_vulnerability;
CREATE INDEX vex_statements_newest ON inventory.vex_statements (tenant_id, stated_at DESC, id DESC);

COMMENT ON COLUMN scheduler.triggers.event IS
    'advisories_changed, sbom_ingested, policy_changed, vex_ingested, or run_completed:<name of a schedule>.';
