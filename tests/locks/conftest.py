"""Processes for the tests of locks: the `tests` they import are these."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import scratch_directory

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(environment):
    """A process has one connection in its pool."""
    return environment | {"SCHEDULER_POOL_MAX_SIZE": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def contend(environment):
    """contend("lease", processes, keys, acquisitions) lets processes loose; returns what contend.py prints."""

    def run(strategy, processes, keys, acquisitions, **variables):
        with tempfile.TemporaryDirectory(dir=scratch_directory(), prefix="contend-") as directory:
            command = [sys.executable, "-m", "tests.locks.contend", strategy]
            command += [*map(str, (processes, keys, acquisitions)), directory]
            done = subprocess.run(
                command,
                env=environment | variables,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=1800,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) | {"complaints": done.stderr}

    return run


@pytest.fixture
def spawn(environment):
    """spawn(script, *arguments) starts a Python process; what still runs at the end of the test is killed."""
    started = []

    def spawn(script, *arguments):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", script, *arguments]
        started.append(subprocess.Popen(command, env=environment, cwd=ROOT, **pipes))
        return started[-1]

    yield spawn
    for process in started:
        process.kill()
        process.communicate()
