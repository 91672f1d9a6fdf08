"""What callers ask of tables calendars and calendar_versions."""

import builtins
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from resources.pages import Page
from resources.records import CalendarRow, CalendarVersion, Json


class Calendars(Protocol):
    """Calendars of a tenant, by name; edits are optimistic by version, deletion is soft.

    A deleted one is found by no name; only its history is.
    """

    def get(self, tenant_id: str, name: str) -> CalendarRow:
        """One calendar; raises NotFound."""

    def get_many(self, tenant_id: str, names: Iterable[str]) -> builtins.list[CalendarRow]:
        """Calendars by their names, in the order of these; what does not exist is left out."""

    def read_of(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[CalendarRow]:
        """Calendars by pairs of tenant and name, each once; what does not exist is left out. Locks nothing."""

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[CalendarRow]:
        """Calendars in the order of their names, capitals first."""

    def lock(self, tenant_id: str, name: str) -> CalendarRow:
        """Locks one calendar for an edit, so that no trigger takes it meanwhile; raises NotFound."""

    def hold(self, tenant_id: str, names: Iterable[str]) -> builtins.list[CalendarRow]:
        """Keeps calendars, in the order of their names, from being edited or deleted while a trigger takes them.

        Raises NotFound for the first that does not exist.
        """

    def upsert(self, calendar: CalendarRow, version: int | None) -> CalendarRow:
        """Creates a calendar, with None, or writes every editable field over the expected version of it.

        One of a name used before goes on from its last version. Editable are all but name, version and who made it;
        ``updated_at`` and ``updated_by`` say who edits. Raises AlreadyExists, NotFound, VersionConflict.
        """

    def delete(self, calendar: CalendarRow, actor: str, now: datetime) -> int:
        """Marks as deleted; returns the new version, for ``add_version``. Raises NotFound, VersionConflict."""

    def list_users(self, tenant_id: str, name: str, limit: int = 10) -> builtins.list[str]:
        """Names of the living schedules that have a living trigger with the calendar."""

    def add_version(
        self, tenant_id: str, name: str, version: int, content: Json | None, actor: str, now: datetime
    ) -> None:
        """Keeps what a version says, None for a deletion."""

    def get_version(self, tenant_id: str, name: str, version: int) -> CalendarVersion:
        """What a version said; raises NotFound."""

    def list_versions(
        self, tenant_id: str, name: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page[CalendarVersion]:
        """The history of a name, newest version first."""
