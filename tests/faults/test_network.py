"""What lies between the processes and PostgreSQL: a network that delays, drops, resets and half-opens, and a pooler."""

import pytest

from tests import pgbouncer
from tests.conftest import scratch_directory
from tests.faults.disturbing import Fault, Network


def test_a_network_that_delays_drops_resets_and_half_opens(server, stage, proxied):
    proxy, dsn = proxied(server, stage)
    assert stage.play("network", Network(proxy), dsn=dsn).problems == []


class RestartPooler(Fault):
    """Kills PgBouncer with all that goes through it, and starts another in its place."""

    def __init__(self, pooler):
        self.pooler = pooler

    def __call__(self, crew):
        self.pooler.restart()
        return 1


def test_a_pooler_that_is_restarted(server, stage):
    if not pgbouncer.PROGRAM:
        pytest.skip("NO POOLER: pgbouncer is not installed; to run this, as root: apt-get install pgbouncer")
    with pgbouncer.running(server, scratch_directory(), size=12) as pooler:
        dsn = pooler.conninfo(stage.database.settings.conninfo())
        assert stage.play("pooler restarted", RestartPooler(pooler), dsn=dsn).problems == []
