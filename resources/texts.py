"""How instants and durations are written for people."""

from datetime import UTC, datetime, timedelta

NOTHING = "-"


def moment(value: datetime | None) -> str:
    """An instant in UTC with seconds."""
    return NOTHING if value is None else value.astimezone(UTC).isoformat(timespec="seconds")


def duration(value: timedelta | None) -> str:
    """A duration in the form that options take: 1d2h, 1m30s; tenths below ten seconds."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds()
    if abs(seconds) < 10 and seconds % 1:
        return f"{seconds:.1f}s"
    rest, text = round(abs(seconds)), "-" if seconds < 0 else ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if rest >= size:
            text += f"{rest // size}{unit}"
            rest %= size
    return text or "0s"
