"""How instants and durations are written for people, and texts from outside for the database."""

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


def storable(text: str, limit: int) -> str:
    """A text as the database can hold it: cut off, without NUL, and bytes of a file name that are no UTF-8 escaped."""
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
