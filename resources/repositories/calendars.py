"""Tables calendars and calendar_versions."""

import builtins
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from psycopg.types.json import Jsonb

from resources.errors import AlreadyExists, NotFound, VersionConflict
from resources.pages import Page
from resources.protocols.calendars import Calendars
from resources.records import CalendarRow, CalendarVersion, Json
from resources.repositories.base import Repository, fields_of
from resources.repositories.schedules import differences


class CalendarRepository(Repository, Calendars):
    """Calendars on PostgreSQL."""

    def get(self, tenant_id: str, name: str) -> CalendarRow:
        return _found(self._one("calendars/get", CalendarRow, tenant_id=tenant_id, name=name), name)

    def get_many(self, tenant_id: str, names: Iterable[str]) -> builtins.list[CalendarRow]:
        return self._all("calendars/get_many", CalendarRow, tenant_id=tenant_id, names=[*names])

    def read_of(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[CalendarRow]:
        wanted = [*pairs]
        tenants, names = [tenant for tenant, _ in wanted], [name for _, name in wanted]
        return self._all("calendars/read_of", CalendarRow, tenants=tenants, names=names)

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[CalendarRow]:
        return self._page(
            "calendars/list", CalendarRow, ("name",), cursor=cursor, limit=limit, tenant_id=tenant_id
        )

    def lock(self, tenant_id: str, name: str) -> CalendarRow:
        return _found(self._one("calendars/lock", CalendarRow, tenant_id=tenant_id, name=name), name)

    def hold(self, tenant_id: str, names: Iterable[str]) -> builtins.list[CalendarRow]:
        wanted = sorted(set(names))
        held = self._all("calendars/hold", CalendarRow, tenant_id=tenant_id, names=wanted)
        for name in sorted(set(wanted) - {one.name for one in held}):
            raise NotFound("calendar", name)
        return held

    def upsert(self, calendar: CalendarRow, version: int | None) -> CalendarRow:
        parameters = fields_of(calendar) | {"entries": Jsonb([*calendar.entries])}
        if version is None:
            made = self._one("calendars/insert", CalendarRow, **parameters)
            if made is None:
                raise AlreadyExists("calendar", calendar.name)
            return made
        found = self._one("calendars/update", CalendarRow, expected=version, **parameters)
        return found or self._refuse(replace(calendar, version=version))

    def delete(self, calendar: CalendarRow, actor: str, now: datetime) -> int:
        key = {"tenant_id": calendar.tenant_id, "name": calendar.name, "version": calendar.version}
        version: int | None = self._scalar("calendars/delete", **key, actor=actor, now=now)
        return version or self._refuse(calendar)

    def list_users(self, tenant_id: str, name: str, limit: int = 10) -> builtins.list[str]:
        rows = self._rows("calendars/list_users", tenant_id=tenant_id, name=name, limit=limit)
        return [row[0] for row in rows]

    def add_version(
        self, tenant_id: str, name: str, version: int, content: Json | None, actor: str, now: datetime
    ) -> None:
        kept = None if content is None else Jsonb(dict(content))
        key = {"tenant_id": tenant_id, "name": name, "version": version}
        self._execute("calendars/insert_version", **key, content=kept, actor=actor, now=now)

    def get_version(self, tenant_id: str, name: str, version: int) -> CalendarVersion:
        key = {"tenant_id": tenant_id, "name": name, "version": version}
        found = self._one("calendars/get_version", CalendarVersion, **key)
        if found is None:
            raise NotFound("version of the calendar", version)
        return found

    def list_versions(
        self, tenant_id: str, name: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page[CalendarVersion]:
        return self._page(
            "calendars/list_versions",
            CalendarVersion,
            ("version",),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            name=name,
        )

    def _refuse(self, wanted: CalendarRow) -> NoReturn:
        found = self.get(wanted.tenant_id, wanted.name)
        raise VersionConflict(
            "calendar",
            found.name,
            wanted.version,
            found.version,
            changed_by=found.updated_by,
            changed_at=found.updated_at,
            differences=differences(wanted, found),
        )


def _found(calendar: CalendarRow | None, name: str) -> CalendarRow:
    if calendar is None:
        raise NotFound("calendar", name)
    return calendar
