"""What must hold after every tick, by SQL over the whole database: each statement finds what breaks a rule."""

from datetime import datetime

BOUNDED = {
    "a tenant has more runs open than it may": """
        SELECT t.tenant_id, count(*) FROM scheduler.tenants AS t
        JOIN scheduler.runs AS r ON r.tenant_id = t.tenant_id
        WHERE r.state IN ('queued', 'running')
        GROUP BY t.tenant_id HAVING count(*) > t.max_concurrent_runs""",
    "a schedule that does not allow overlap has two fires open": """
        SELECT s.tenant_id, s.name, s.overlap, count(*) FROM scheduler.schedules AS s
        JOIN scheduler.runs AS r ON r.tenant_id = s.tenant_id AND r.schedule_id = s.id
        WHERE s.overlap <> 'allow' AND r.trigger_id IS NOT NULL AND r.state IN ('queued', 'running')
        GROUP BY s.tenant_id, s.name, s.overlap HAVING count(*) > 1""",
    "a schedule that skips or buffers one has more fires waiting": """
        SELECT s.tenant_id, s.name, s.overlap, count(*) FROM scheduler.schedules AS s
        JOIN scheduler.runs AS r ON r.tenant_id = s.tenant_id AND r.schedule_id = s.id
        WHERE s.overlap IN ('skip', 'buffer_one') AND r.trigger_id IS NOT NULL
          AND r.state IN ('pending', 'queued', 'running')
        GROUP BY s.tenant_id, s.name, s.overlap HAVING count(*) > CASE s.overlap WHEN 'skip' THEN 1 ELSE 2 END""",
    "a schedule fired more than its rate within the last hour": """
        SELECT s.tenant_id, s.name, fired.count FROM scheduler.schedules AS s
        CROSS JOIN LATERAL (
            SELECT count(*) FROM scheduler.runs AS r
            WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND r.trigger_id IS NOT NULL
              AND r.skipped_count IS NULL AND r.created_at > %(now)s - interval '1 hour'
              AND r.created_at <= %(now)s) AS fired
        WHERE s.max_runs_per_hour < fired.count""",
}
"""Cheap ones: over what is open, and over the last hour."""

WHOLE = {
    "a schedule fired more than its rate within some hour": """
        SELECT * FROM (
            SELECT s.tenant_id, s.name, s.max_runs_per_hour AS most, count(*) OVER (
                PARTITION BY r.tenant_id, r.schedule_id ORDER BY r.created_at
                RANGE BETWEEN '59:59.999999'::interval PRECEDING AND CURRENT ROW) AS fired
            FROM scheduler.schedules AS s
            JOIN scheduler.runs AS r ON r.tenant_id = s.tenant_id AND r.schedule_id = s.id
            WHERE s.max_runs_per_hour IS NOT NULL AND r.trigger_id IS NOT NULL AND r.skipped_count IS NULL) AS hours
        WHERE fired > most""",
    "two rows account for one occurrence": """
        SELECT * FROM (
            SELECT tenant_id, trigger_id, scheduled_for, coalesce(skipped_first, scheduled_for) AS first,
                lag(coalesce(skipped_last, scheduled_for)) OVER (
                    PARTITION BY tenant_id, trigger_id ORDER BY coalesce(skipped_first, scheduled_for)) AS last_before
            FROM scheduler.runs WHERE trigger_id IS NOT NULL) AS of_trigger
        WHERE first <= last_before""",
    "a trigger fired out of order": """
        SELECT * FROM (
            SELECT tenant_id, trigger_id, scheduled_for, id,
                lag(id) OVER (PARTITION BY tenant_id, trigger_id ORDER BY scheduled_for) AS id_before
            FROM scheduler.runs WHERE trigger_id IS NOT NULL AND skipped_count IS NULL) AS of_trigger
        WHERE id < id_before""",
    "a run fired before it was due": """
        SELECT tenant_id, trigger_id, scheduled_for, due_at, created_at FROM scheduler.runs
        WHERE skipped_count IS NULL AND due_at > created_at""",
    "a trigger's counts are not those of its rows": """
        SELECT g.tenant_id, g.id, g.fire_count, g.misfire_count, of_trigger.* FROM scheduler.triggers AS g
        LEFT JOIN (
            SELECT tenant_id, trigger_id, count(*) FILTER (WHERE skipped_count IS NULL) AS fired,
                coalesce(sum(skipped_count), 0) AS skipped
            FROM scheduler.runs WHERE trigger_id IS NOT NULL GROUP BY tenant_id, trigger_id) AS of_trigger
            ON of_trigger.tenant_id = g.tenant_id AND of_trigger.trigger_id = g.id
        WHERE (g.fire_count, g.misfire_count) <> (coalesce(of_trigger.fired, 0), coalesce(of_trigger.skipped, 0))""",
}
"""Those over every row of the ledger. Ids tell the order of writing; created_at does not, where a clock is set back."""


def check(admin, now: datetime, rules: dict[str, str]) -> None:
    """Fails with the first rows that break a rule."""
    for rule, statement in rules.items():
        broken = admin.execute(statement, {"now": now}).fetchmany(5)
        assert not broken, f"{rule}, at {now}: {broken}"
