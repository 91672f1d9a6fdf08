-- What the claim reads: conditions of schedules that it can, and tenants in an order that no index has.

-- Conditions written by hand that had a meaning keep it: any value of a change asked for the change. Days that were no
-- number, or beyond reason, had none.

UPDATE scheduler.schedules
SET only_if = nullif(
    CASE WHEN only_if ? 'feed_changed' THEN '{"feed_changed": true}' ELSE '{}' END::jsonb
    || CASE WHEN only_if ? 'policy_revision_changed' THEN '{"policy_revision_changed": true}' ELSE '{}' END::jsonb
    || CASE WHEN CASE jsonb_typeof(only_if -> 'report_older_than_days') WHEN 'number'
            THEN (only_if -> 'report_older_than_days')::numeric BETWEEN 0 AND 36500 END
       THEN jsonb_build_object('report_older_than_days', only_if -> 'report_older_than_days') ELSE '{}' END, '{}')
WHERE only_if IS NOT NULL;

ALTER TABLE scheduler.schedules ADD CONSTRAINT conditions_are_readable CHECK (
    coalesce(only_if -> 'feed_changed', 'true') = 'true'
    AND coalesce(only_if -> 'policy_revision_changed', 'true') = 'true'
    AND CASE jsonb_typeof(only_if -> 'report_older_than_days')
        WHEN 'number' THEN (only_if -> 'report_older_than_days')::numeric BETWEEN 0 AND 36500
        ELSE only_if -> 'report_older_than_days' IS NULL END);

-- Tenants served in the future, by a clock that was set back since, come first: the claim sorts those it may serve.
DROP INDEX scheduler.tenants_claimed;
