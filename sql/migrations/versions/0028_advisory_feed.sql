-- The event that an import changed advisories is called advisory_feed, as its fellows are called by what they are about.

UPDATE scheduler.triggers SET event = 'advisory_feed' WHERE event = 'advisories_changed';
UPDATE scheduler.trigger_events SET event = 'advisory_feed' WHERE event = 'advisories_changed';
ALTER TABLE scheduler.schedule_versions DISABLE TRIGGER append_only;
UPDATE scheduler.schedule_versions
SET content = replace(content::text, '"event": "advisories_changed"', '"event": "advisory_feed"')::jsonb
WHERE content::text LIKE '%"event": "advisories_changed"%';
ALTER TABLE scheduler.schedule_versions ENABLE TRIGGER append_only;
COMMENT ON COLUMN scheduler.triggers.event IS
    'advisory_feed, exploits_changed, sbom_ingested, policy_changed, vex_ingested, or run_completed:<name of a schedule>.';
