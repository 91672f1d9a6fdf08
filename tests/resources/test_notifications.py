"""Table notifications: written with what happened, taken by one, settled once."""

from datetime import timedelta

import psycopg
import pytest

from resources.errors import InvalidInput
from resources.states import NotificationKind

PAUSED = NotificationKind.SCHEDULE_PAUSED
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def tell(database, plant, tenant):
    """tell(subject, at=…) writes a notification of the tenant acme."""

    def tell(subject="nightly", tenant=tenant, at=plant.now):
        with database.begin(tenant) as store:
            store.notifications.append(tenant, PAUSED, subject, f"{subject} is paused", at)

    return tell


@pytest.fixture
def take(database, plant):
    """take(now) begins every delivery that is due, for a minute."""

    def take(now=plant.now, limit=10):
        with database.begin_system() as store:
            return store.notifications.take_due(now, now + MINUTE, limit)

    return take


def listed(database, tenant="acme"):
    with database.begin(tenant) as store:
        return store.notifications.list(tenant).items


def test_what_waits_is_taken_once_the_longest_waiting_first(tell, take, plant):
    for number in (2, 0, 1):
        tell(f"s{number}", at=plant.now + number * SECOND)
    assert [one.subject for one in take(plant.now + SECOND, limit=1)] == ["s0"]
    assert [one.subject for one in take(plant.now + SECOND)] == ["s1"]
    assert take(plant.now + SECOND) == []


def test_a_delivery_that_was_cut_off_begins_again(tell, take, plant):
    tell()
    (first,) = take()
    assert take(plant.now + MINUTE - SECOND) == []
    (second,) = take(plant.now + MINUTE)
    assert (first.id, first.attempts, second.attempts) == (second.id, 1, 2)


def test_two_that_take_at_once_take_different_ones(tell, database, plant):
    for number in range(3):
        tell(f"s{number}")
    with database.begin_system() as one, database.begin_system() as other:
        taken = one.notifications.take_due(plant.now, plant.now + MINUTE, 2)
        rest = other.notifications.take_due(plant.now, plant.now + MINUTE, 2)
    assert (len(taken), len(rest)) == (2, 1)
    assert len({one.id for one in [*taken, *rest]}) == 3


def test_only_the_delivery_begun_last_settles_and_only_once(tell, take, database, plant):
    tell()
    (stale,), (current,) = take(), take(plant.now + MINUTE)
    with database.begin_system() as store:
        assert not store.notifications.deliver(stale, plant.now)
        assert not store.notifications.fail(stale, "refused", None, plant.now)
        assert store.notifications.deliver(current, plant.now + MINUTE)
        assert not store.notifications.deliver(current, plant.now + MINUTE)
        assert not store.notifications.fail(current, "refused", None, plant.now)
    (told,) = listed(database)
    assert (told.delivered_at, told.given_up_at, told.error) == (plant.now + MINUTE, None, None)
    assert take(plant.now + timedelta(days=9)) == []


def test_what_failed_is_tried_again_when_it_may_be_or_given_up(tell, take, database, plant):
    tell()
    (taken,) = take()
    with database.begin_system() as store:
        assert store.notifications.fail(taken, "refused", plant.now + 5 * MINUTE, plant.now)
    assert take(plant.now + 5 * MINUTE - SECOND) == []
    (again,) = take(plant.now + 5 * MINUTE)
    assert again.error == "refused"
    with database.begin_system() as store:
        assert store.notifications.fail(again, "gone", None, plant.now + 6 * MINUTE)
    (told,) = listed(database)
    assert (told.given_up_at, told.error) == (plant.now + 6 * MINUTE, "gone")
    assert take(plant.now + timedelta(days=9)) == []


def test_a_tenant_lists_its_own_newest_first_by_pages_and_settles_none(tell, database, plant):
    for number in range(5):
        tell(f"s{number}", at=plant.now + number * SECOND)
    tell("theirs", tenant="globex")
    with database.begin("acme") as store:
        page = store.notifications.list("acme", limit=3)
        rest = store.notifications.list("acme", limit=3, cursor=page.next_cursor)
        assert [one.subject for one in [*page.items, *rest.items]] == ["s4", "s3", "s2", "s1", "s0"]
        assert rest.next_cursor is None
        with pytest.raises(InvalidInput, match="cursor"):
            store.notifications.list("acme", cursor="x")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.notifications.take_due(plant.now, plant.now + MINUTE, 10)


def test_what_is_rolled_back_was_never_told(database, tenant, plant):
    def broken():
        with database.begin(tenant) as store:
            store.notifications.append(tenant, PAUSED, "nightly", "is paused", plant.now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert listed(database) == []


def test_old_ones_are_pruned_in_batches(tell, database, plant):
    for number in range(3):
        tell(f"s{number}", at=plant.now + number * SECOND)
    with database.begin_system() as store:
        assert store.retention.prune_notifications(plant.now, 10) == 0
        assert store.retention.prune_notifications(plant.now + 2 * SECOND, 1) == 1
        assert store.retention.prune_notifications(plant.now + 2 * SECOND, 10) == 1
    assert [one.subject for one in listed(database)] == ["s2"]


@pytest.mark.parametrize(
    "columns",
    [
        "delivered_at = now()",
        "attempts = 1, delivered_at = now(), given_up_at = now(), error = 'x'",
        "attempts = 1, given_up_at = now()",
        "kind = 'other'",
        "attempts = -1",
    ],
)
def test_bad_states_cannot_be_written_by_hand(tell, admin, columns):
    tell()
    with pytest.raises(psycopg.errors.CheckViolation):
        admin.execute(f"UPDATE scheduler.notifications SET {columns}")
