"""Notifications, posted to a real server on loopback that may refuse, redirect, hang up or be away."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from dagster import build_sensor_context

from resources.errors import InvalidSettings
from resources.postgres import PostgresResource, shared_database
from resources.settings import SchedulerSettings
from resources.states import NotificationKind
from scheduler_defs.sensors.notify import RETRIES, deliver_due, notify

SECRET = "/hooks/s3cr3t"


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers as it is told."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), json.loads(body)))
        if self.server.answer is None:
            self.connection.close()
            return
        self.send_response(self.server.answer)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def listening():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.posts, server.answer = [], 204
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hook():
    with listening() as server:
        yield server


@pytest.fixture
def url(hook):
    return f"http://127.0.0.1:{hook.server_port}{SECRET}"


@pytest.fixture
def tell(database, tenant):
    def tell(subject="nightly"):
        with database.begin(tenant) as store:
            kind = NotificationKind.SCHEDULE_PAUSED
            store.notifications.append(tenant, kind, subject, f"schedule {subject} is paused", store.now())

    return tell


def listed(database, tenant="acme"):
    with database.begin(tenant) as store:
        return store.notifications.list(tenant).items


def test_each_is_posted_once_with_what_chat_systems_show(tell, hook, url, database):
    for subject in ("one", "two"):
        tell(subject)
    assert deliver_due(database, url) == (2, 0)
    assert deliver_due(database, url) == (0, 0)
    told = {one.subject: one for one in listed(database)}
    assert [post[2]["subject"] for post in hook.posts] == ["one", "two"]
    path, headers, document = hook.posts[0]
    assert (path, headers["Idempotency-Key"]) == (SECRET, str(told["one"].id))
    assert document == {
        "id": str(told["one"].id),
        "kind": "schedule_paused",
        "tenant": "acme",
        "subject": "one",
        "message": "schedule one is paused",
        "at": told["one"].created_at.isoformat(),
        "text": "[acme] schedule one is paused",
    }
    assert all(one.delivered_at and one.attempts == 1 for one in told.values())


@pytest.mark.parametrize(
    ("answer", "error"),
    [(500, "answered 500"), (404, "answered 404"), (307, "answered 307"), (None, "ConnectionError")],
)
def test_what_does_not_arrive_is_tried_again_later_and_the_reason_shows_no_secret(
    tell, hook, url, database, admin, answer, error
):
    tell()
    hook.answer = answer
    assert deliver_due(database, url) == (0, 1)
    assert deliver_due(database, url) == (0, 0), "it waits"
    (told,) = listed(database)
    assert told.delivered_at is None
    assert error in told.error
    assert "s3cr3t" not in told.error
    assert timedelta(seconds=8) < told.available_at - told.created_at < timedelta(seconds=12)
    hook.answer = 200
    admin.execute("UPDATE scheduler.notifications SET available_at = now()")
    assert deliver_due(database, url) == (1, 0)
    assert {post[2]["id"] for post in hook.posts} == {str(told.id)}


def test_a_server_that_is_away_is_given_up_after_its_attempts(tell, database, admin):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    tell()
    last = RETRIES.max_attempts
    admin.execute("UPDATE scheduler.notifications SET attempts = %s", [last - 2])
    for given_up in (False, True):
        admin.execute("UPDATE scheduler.notifications SET available_at = now()")
        assert deliver_due(database, url) == (0, 1)
        (told,) = listed(database)
        assert (told.given_up_at is not None, told.error) == (given_up, "127.0.0.1: ConnectionError")
    assert told.attempts == last


def test_the_sensor_posts_where_the_settings_say(tell, hook, url, environment, monkeypatch, database):
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])

    def tick():
        shared_database.cache_clear()
        said = notify(build_sensor_context(resources={"postgres": PostgresResource()}))
        shared_database().close()
        shared_database.cache_clear()
        return said.skip_message

    tell()
    assert "SCHEDULER_NOTIFY_URL is not set" in tick()
    assert hook.posts == []
    monkeypatch.setenv("SCHEDULER_NOTIFY_URL", url)
    assert tick() == "1 notifications delivered, 0 deliveries failed"
    assert len(hook.posts) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "host/x",
        "https://?s3cr3t",
        "http://host:99999/s3cr3t",
        "http://[::1/s3cr3t",
        "https:///only/s3cr3t",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_without_showing_it(url, monkeypatch):
    monkeypatch.setenv("SCHEDULER_NOTIFY_URL", url)
    with pytest.raises(InvalidSettings, match=r"SCHEDULER_NOTIFY_URL.*https?://") as refused:
        SchedulerSettings.load()
    assert "s3cr3t" not in str(refused.value)
