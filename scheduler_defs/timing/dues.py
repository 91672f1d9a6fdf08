"""When the occurrences of a trigger are due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.states import OnExcluded
from scheduler_defs.timing.calendars import LONGEST, Calendar, Fire, verdict


@dataclass(frozen=True, slots=True)
class Due:
    """When an occurrence is due, and why it is skipped then; None for one that fires."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Dues:
    """What makes occurrences of a trigger due later than they are planned, or skips them.

    Calendars move or skip each occurrence; then all are later by one ``offset``. Later occurrences are never due
    before earlier ones.
    """

    calendars: Sequence[Calendar] = ()
    offset: timedelta = timedelta()

    def of(self, occurrence: datetime) -> Due:
        """When an occurrence is due, and whether it is skipped then."""
        if not self.calendars:
            return Due(occurrence + self.offset)
        judged = verdict(self.calendars, occurrence)
        if isinstance(judged, Fire):
            return Due(judged.base + self.offset)
        return Due(occurrence + self.offset, judged.reason)

    @property
    def longest_move(self) -> timedelta:
        """How far calendars may move an occurrence."""
        moves = any(one.on_excluded is OnExcluded.MOVE for one in self.calendars)
        return LONGEST if moves else timedelta()
