"""scheduler notification list."""

import json

from resources.states import NotificationKind


def test_what_people_were_told_is_listed_newest_first(cli, database, tenant):
    assert cli("notification", "list", "--tenant", "acme").stderr == "no notifications\n"
    with database.begin(tenant) as store:
        for name in ("one", "two"):
            kind = NotificationKind.SCHEDULE_PAUSED
            store.notifications.append(tenant, kind, name, f"schedule {name} is paused", store.now())
    with database.begin_system() as store:
        (first,) = store.notifications.take_due(store.now(), store.now(), 1)
        store.notifications.deliver(first, store.now())
    rows = json.loads(cli("notification", "list", "--tenant", "acme", "--json").stdout)
    assert [(row["subject"], row["delivered_at"] is None) for row in rows] == [("two", True), ("one", False)]
    shown = cli("notification", "list", "--tenant", "acme", "--limit", "1")
    heading, row, *_ = shown.stdout.splitlines()
    assert heading.split() == ["AT", "KIND", "SUBJECT", "MESSAGE", "DELIVERED", "ATTEMPTS", "ERROR"]
    assert ("two" in row, "not yet" in row) == (True, True)
    assert "--cursor" in shown.stderr
    assert cli("notification", "list", "--tenant", "nobody").exit_code == 2
