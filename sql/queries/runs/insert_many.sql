-- Writes new rows of the ledger. Guard: an occurrence already accounted for is left as it is; returns the ids written.
INSERT INTO scheduler.runs (
    tenant_id, id, schedule_id, schedule_version, trigger_id, trigger_kind, kind, mode, selection, priority, state, reason,
    scheduled_for, available_at, requested_by, skipped_count, skipped_first, skipped_last, retry_of,
    due_at, tzdata, created_at, finished_at)
SELECT tenant_id, id, schedule_id, schedule_version, trigger_id, trigger_kind, kind, mode, selection, priority,
    CASE WHEN skipped_count IS NULL THEN 'pending' ELSE 'skipped' END, reason,
    scheduled_for, %(now)s, requested_by, skipped_count, skipped_first, skipped_last, retry_of, due_at, tzdata, %(now)s,
    CASE WHEN skipped_count IS NOT NULL THEN %(now)s::timestamptz END
FROM unnest(
    %(tenant_id)s::text[], %(id)s::uuid[], %(schedule_id)s::uuid[], %(schedule_version)s::integer[], %(trigger_id)s::uuid[],
    %(trigger_kind)s::text[], %(kind)s::text[], %(mode)s::text[], %(selection)s::jsonb[], %(priority)s::smallint[],
    %(reason)s::text[], %(scheduled_for)s::timestamptz[], %(requested_by)s::text[], %(skipped_count)s::bigint[],
    %(skipped_first)s::timestamptz[], %(skipped_last)s::timestamptz[], %(retry_of)s::uuid[],
    %(due_at)s::timestamptz[], %(tzdata)s::text[])
    AS new (tenant_id, id, schedule_id, schedule_version, trigger_id, trigger_kind, kind, mode, selection, priority, reason,
            scheduled_for, requested_by, skipped_count, skipped_first, skipped_last, retry_of, due_at, tzdata)
ON CONFLICT (tenant_id, trigger_id, scheduled_for) DO NOTHING
RETURNING id
