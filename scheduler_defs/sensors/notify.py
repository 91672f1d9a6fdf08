"""The sensor that tells people: posts notifications to the address of the settings."""

from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from urllib.parse import urlsplit

import requests
from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from resources.database import Database
from resources.postgres import PostgresResource
from resources.records import Notification
from scheduler_defs.timing.backoff import FailurePolicy, wait_after

PATIENCE = 10
"""Seconds that an address has to take a connection, and then to answer."""
LONGEST_TICK = 30.0
"""Seconds after which a tick begins no delivery; Dagster ends a tick after 60."""
LEASE = timedelta(minutes=1)
"""A delivery that was cut off begins again after this."""
RETRIES = FailurePolicy(max_attempts=20, base=timedelta(seconds=10), factor=2, cap=timedelta(hours=1))
"""For about half a day."""


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Posts what people are to be told (a schedule was paused) to SCHEDULER_NOTIFY_URL.",
)
def notify(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Delivers what is due, each notification by one daemon; without an address all of it waits."""
    secret = postgres.database.settings.notify_url
    if secret is None:
        return SkipReason("SCHEDULER_NOTIFY_URL is not set; `scheduler notification list` shows what waits")
    delivered, failed = deliver_due(postgres.database, secret.get_secret_value())
    return SkipReason(f"{delivered} notifications delivered, {failed} deliveries failed")


def deliver_due(database: Database, url: str) -> tuple[int, int]:
    """Posts one notification after the other until none is due; returns how many arrived and how many did not.

    At least once: one whose end could not be written is posted again, with the same ``Idempotency-Key``.
    """
    delivered, failed, began = 0, 0, monotonic()
    while monotonic() - began < LONGEST_TICK:
        with database.begin_system() as store:
            now = store.now()
            taken = store.notifications.take_due(now, now + LEASE, 1)
        if not taken:
            break
        error = post(url, taken[0])
        _settle(database, taken[0], error)
        delivered, failed = delivered + (error is None), failed + (error is not None)
    return delivered, failed


def post(url: str, told: Notification) -> str | None:
    """Posts a notification as JSON; returns why it did not arrive, without the address, which may hold a secret.

    Keys: id, kind, tenant, subject, message, at (ISO 8601), and text, which chat systems show.
    """
    where = urlsplit(url).hostname
    document = {
        "id": str(told.id),
        "kind": told.kind.value,
        "tenant": told.tenant_id,
        "subject": told.subject,
        "message": told.message,
        "at": told.created_at.isoformat(),
        "text": f"[{told.tenant_id}] {told.message}",
    }
    try:
        answer = requests.post(
            url,
            json=document,
            headers={"Idempotency-Key": str(told.id)},
            timeout=PATIENCE,
            allow_redirects=False,
            stream=True,
        )
        answer.close()
    except requests.RequestException as error:
        return f"{where}: {type(error).__name__}"
    if HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return f"{where} answered {answer.status_code}"


def _settle(database: Database, taken: Notification, error: str | None) -> None:
    with database.begin_system() as store:
        now = store.now()
        if error is None:
            store.notifications.deliver(taken, now)
            return
        wait = wait_after(RETRIES, taken.id, taken.attempts)
        store.notifications.fail(taken, error, None if wait is None else now + wait, now)
