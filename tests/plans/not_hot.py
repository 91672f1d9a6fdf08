"""Queries whose plans are not tested, by the reason."""

NOT_HOT = {
    "One row by its whole key, the primary or a unique one: there is nothing to choose.": """
        runs/find runs/end_with_launch runs/retry_attempt runs/return_to_pending launches/bury triggers/get
        triggers/set_enabled triggers/set_next_fire triggers/soft_delete triggers/update schedules/advance_version
        schedules/get_version schedules/restore schedules/set_enabled schedules/soft_delete schedules/update
        calendars/delete calendars/get calendars/get_version calendars/lock calendars/update
        workers/deregister workers/drain workers/get tenants/get retention/advance_ledger retention/ledger_since
        notifications/deliver notifications/fail graphs/get_content""",
    "Writes new rows and reads none but those it is given.": """
        audit/append audit_seals/append_many execution_logs/append calendars/insert calendars/insert_version
        impact_snapshots/insert impact_snapshots/insert_images launches/insert_many schedules/insert
        schedules/insert_version tenants/insert
        notifications/append triggers/insert workers/register""",
    "For an edit of a calendar, which is rare: reads the tenant's triggers that have calendars.": """
        calendars/list_users schedules/lock_of_calendar triggers/list_of_calendar""",
    "The first rows of a range of the primary key, for a person who typed how one begins.": """
        graphs/list_digests""",
    "Of one image that is looked at, by its key: what it holds, what was found in it.": """
        findings/list_open_of_image impact/list_candidates_of_image""",
    "Reads no table: a lock, a setting, the clock, the catalogs.": """
        audit_seals/try_lock execution_logs/ensure_partitions execution_logs/list_expired_partitions lock_waiters/listen
        execution_logs/try_dropping policy_jobs/lock run_summaries/lock session/backend_pid session/become_owner
        session/begin_system session/begin_tenant session/keep session/limit_waiting session/locks_held session/now
        imports/hold""",
    "Planned as another query that is tested: fail, requeue_of_run, page_images, roll_up.": """
        graph_jobs/cancel graph_jobs/cancel_open_of_run policy_jobs/cancel policy_jobs/cancel_open_of_run
        impact_snapshots/list_images run_summaries/forget_day run_summaries/list_groups run_summaries/next_day""",
    "Reads all there is, by its purpose: `scheduler audit verify`, the list of tenants, a part of an id or name.": """
        audit_seals/find_lost audit_seals/find_stray audit_seals/list_chains tenants/list runs/find_by_prefix
        workers/find_by_prefix images/find_named""",
    "Of the audit of fires: a page of schedules, and the history of one by its key.": """
        auditing/count_fires auditing/earliest_range auditing/list_calendar_versions auditing/list_schedules
        auditing/list_versions auditing/list_events""",
    "Of the engines and of imports: once a run or a file, not once a tick.": """
        advisories/drop_ranges advisories/end_ranges advisories/get_many advisories/insert_ranges
        advisories/list_digests advisories/upsert_many components/clear_of_image
        components/get_many components/insert_many exploits/clear_listed exploits/clear_scores
        exploits/insert_document exploits/insert_listed exploits/insert_scores exploits/latest
        exploits/latest_revision exploits/list_listed exploits/list_scores exploits/lock
        feed/count_revision feed/insert_revision feed/latest_revision feed/lock findings/close_many
        findings/close_of_image findings/close_of_policy findings/count_open_of_images
        findings/list_lines_of_images findings/list_open findings/list_open_of_images findings/upsert_many
        graphs/insert images/count images/find
        images/select images/set_sbom images/unset_sbom images/upsert impact_snapshots/latest_completed
        impact_snapshots/list_heard impact_snapshots/list_touched imports/advance imports/begin_ranges
        imports/count_changes imports/delete imports/delete_earlier imports/delete_staged
        imports/end_ranges imports/find_unfinished imports/finish imports/hold_unfinished imports/insert
        imports/list_quarantine imports/publish_advisories imports/quarantine_many imports/renew
        imports/stage_many policies/get policies/get_revision policies/insert_revision policies/list
        policies/soft_delete policies/upsert
        retention/delete_imports retention/delete_tenant_quarantine runs/last_completed_request
        runs/take_snapshots sboms/find_by_serial sboms/get_by_digest sboms/get_content sboms/insert sboms/renew
        tenant_quarantine/delete tenant_quarantine/delete_earlier tenant_quarantine/insert_many
        tenant_quarantine/list vex/count vex/insert_many vex/list_all vex/list_newest""",
}
