"""When the occurrences of a trigger are due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler_defs.timing.calendars import Calendar, Fire, lasting_verdict, verdict

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """When an occurrence is due, and why it is skipped then; None for one that fires."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Occurrences from one on, before `end`, with one fate: skipped for a reason, moved to one time, or as planned."""

    end: datetime
    reason: str | None = None
    moved_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dues:
    """What makes occurrences of a trigger due later than they are planned, or skips them.

    Calendars move or skip each occurrence; then all are later by one ``offset``, and none is due before
    ``not_before``. Later occurrences that fire are never due before earlier ones.
    """

    calendars: Sequence[Calendar] = ()
    offset: timedelta = timedelta()
    not_before: datetime = _NEVER

    def of(self, occurrence: datetime) -> Due:
        """When an occurrence is due, and whether it is skipped then."""
        if not self.calendars:
            return Due(self._late(occurrence))
        judged = verdict(self.calendars, occurrence)
        if isinstance(judged, Fire):
            return Due(self._late(judged.base))
        return Due(self._late(occurrence), judged.reason)

    def stretch(self, occurrence: datetime, before: datetime) -> Stretch:
        """How long the fate of an occurrence lasts, at most to `before`, exclusive."""
        if not self.calendars:
            return Stretch(before)
        judged, end = lasting_verdict(self.calendars, occurrence, before)
        if not isinstance(judged, Fire):
            return Stretch(end, judged.reason)
        return Stretch(end) if judged.base == occurrence else Stretch(end, moved_to=judged.base)

    def due_in(self, stretch: Stretch, occurrence: datetime) -> datetime:
        """When an occurrence of a stretch is due."""
        return self._late(stretch.moved_to or occurrence)

    def end_of_due(self, stretch: Stretch, instant: datetime) -> datetime:
        """Before which instant the occurrences of a stretch are due before another one; far back when none is."""
        if self.not_before >= instant:
            return _NEVER
        if stretch.moved_to is None:
            return min(stretch.end, instant - self.offset)
        return stretch.end if self._late(stretch.moved_to) < instant else _NEVER

    def _late(self, base: datetime) -> datetime:
        return max(base + self.offset, self.not_before)
