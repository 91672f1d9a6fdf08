"""Table launches."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from resources.errors import IllegalTransition, NotFound, StaleAttempt
from resources.protocols.launches import Launches
from resources.records import Launch, Offer
from resources.repositories.base import Repository
from resources.states import JobKind, LaunchState

SEEN_EVERY = timedelta(seconds=5)


class LaunchRepository(Repository, Launches):
    """Launches on PostgreSQL."""

    def create_many(self, kinds: Mapping[UUID, JobKind], owner: str, now: datetime) -> None:
        self._execute(
            "launches/insert_many", ids=list(kinds), kinds=list(kinds.values()), owner=owner, now=now
        )

    def get(self, launch_id: UUID) -> Launch:
        launch = self._one("launches/get", Launch, id=launch_id)
        if launch is None:
            raise NotFound("launch", launch_id)
        return launch

    def offer(self, owner: str, now: datetime, lease: timedelta, limit: int) -> list[Offer]:
        ids = [row[0] for row in self._rows("launches/offer", owner=owner, now=now, lease=lease, limit=limit)]
        return self._all("launches/describe_many", Offer, ids=ids) if ids else []

    def acknowledge(self, launch_id: UUID, dagster_run_id: str, now: datetime) -> None:
        if not self._execute("launches/acknowledge", id=launch_id, dagster_run_id=dagster_run_id, now=now):
            launch = self.get(launch_id)
            raise IllegalTransition("launch", launch_id, launch.state, LaunchState.ACKNOWLEDGED)

    def finish(self, launch_id: UUID, dagster_run_id: str, now: datetime) -> None:
        if not self._execute("launches/finish", id=launch_id, dagster_run_id=dagster_run_id, now=now):
            launch = self.get(launch_id)
            if launch.state is LaunchState.ACKNOWLEDGED:
                raise StaleAttempt("launch", launch_id, f"Dagster run {dagster_run_id}")
            raise IllegalTransition("launch", launch_id, launch.state, LaunchState.FINISHED)

    def list_open(
        self, owner: str, before: datetime, limit: int, after_id: UUID | None = None
    ) -> Sequence[Launch]:
        parameters = {"owner": owner, "before": before, "limit": limit, "after_id": after_id}
        return self._all("launches/list_open", Launch, **parameters)

    def see_owner(self, owner: str, now: datetime) -> None:
        self._execute("launches/see_owner", owner=owner, now=now, often=SEEN_EVERY)

    def list_orphaned(self, now: datetime, silent_for: timedelta, limit: int = 100) -> Sequence[Launch]:
        return self._all("launches/list_orphaned", Launch, now=now, silent_for=silent_for, limit=limit)

    def bury(self, launch_id: UUID, now: datetime) -> None:
        if not self._execute("launches/bury", id=launch_id, now=now):
            launch = self.get(launch_id)
            raise IllegalTransition("launch", launch_id, launch.state, LaunchState.DEAD)
