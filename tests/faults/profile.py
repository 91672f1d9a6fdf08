"""How much each scenario does, in one place; FAULTS_PROFILE=long is what `make faults` runs."""

import os
from dataclasses import dataclass, replace
from datetime import timedelta


@dataclass(frozen=True)
class Size:
    """Fires of one scenario, how often its fault is injected, and who carries them."""

    fires: int
    times: int
    workers: int = 3
    sensors: int = 2
    least: int = 60
    """Fires that it needs at any scale."""


LONG = os.environ.get("FAULTS_PROFILE") == "long"
SCALE = float(os.environ.get("FAULTS_SCALE", "1"))
"""Of the long profile: 0.1 is a tenth of its fires and of its faults."""

SHORT_SIZES = {
    "everything at once": Size(96, 10),
    "the server at once": Size(96, 8),
}
LONG_SIZES = {
    "everything at once": Size(10_000, 300),
    "the server at once": Size(5_000, 100),
    "sensors killed": Size(20_000, 400),
    "workers killed": Size(15_000, 400),
    "workers stopped": Size(10_000, 200),
    "sessions terminated": Size(10_000, 300),
    "short timeouts": Size(5_000, 60),
    "PostgreSQL stopped": Size(5_000, 60),
    "slots exhausted": Size(5_000, 60),
    "network": Size(10_000, 300),
    "pooler restarted": Size(5_000, 60),
    "clocks of processes": Size(2_000, 20),
    "the database's clock": Size(5_000, 100),
    "real engines": Size(1_000, 60),
    "daemon killed": Size(5_000, 200),
    "two daemons": Size(480, 1, least=240),
}
WITHOUT_PROGRESS = timedelta(seconds=60)
"""A scenario in which nothing moves for so long has failed."""


def size_of(scenario: str) -> Size:
    if not LONG:
        return SHORT_SIZES[scenario]
    size = LONG_SIZES[scenario]
    return replace(
        size, fires=max(size.least, round(size.fires * SCALE)), times=max(3, round(size.times * SCALE))
    )
