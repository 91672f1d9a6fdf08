"""Where a scenario plays: a database, how the superuser reaches it, and what is judged there at the end."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from resources.database import Database
from resources.states import JobKind
from tests.faults.crew import Crew
from tests.faults.disturbing import Fault
from tests.faults.judging import Verdict, judge
from tests.faults.processes import Post
from tests.faults.profile import LONG, Size, size_of
from tests.faults.table import write
from tests.faults.world import IDLE, create_world


@dataclass
class Stage:
    """``play`` runs a crew under a fault until every fire has ended, and judges it."""

    database: Database
    admin: Callable[[], psycopg.Connection]
    place: Path
    verdicts: list[Verdict]
    crews: list[Crew] = field(default_factory=list)

    def play(
        self,
        name: str,
        fault: Fault,
        *,
        also: Fault | None = None,
        posts: Mapping[str, Mapping[str, Any]] | None = None,
        kinds: tuple[JobKind, ...] = (JobKind.GRAPH,),
        engine: str = "trivial",
        size: Size | None = None,
        prepare: Callable[[list[str]], None] = lambda _: None,
        crew: Mapping[str, Any] | None = None,
        idle: str = IDLE,
        **of_all: Any,
    ) -> Verdict:
        """``also`` is asked all the time, ``fault`` now and then; ``posts`` says more to processes by their role.

        ``crew`` says more to the crew.
        """
        size = size or size_of(name)
        with closing(self.admin()) as admin:
            world = create_world(self.database, admin, size.fires, kinds=kinds, prepare=prepare, idle=idle)
            post = Post(self.database.settings.conninfo(), self.place, engine=engine)
            post = replace(post, **of_all)
            numbers = {"sensor": size.sensors, "worker": size.workers, "rescuer": 1}
            told = {role: replace(post, **(posts or {}).get(role, {})) for role in numbers}
            acting = Crew(self.admin, world, told, numbers, name, also=also, **(crew or {}))
            self.crews.append(acting)
            acting.run(fault, size.times)
            acting.stop()
        with closing(self.admin()) as admin:
            ordered = "skew" not in of_all and not any(one.skew for one in told.values())
            trivial = engine == "trivial"
            verdict = judge(
                name,
                acting.times,
                self.database,
                admin,
                world,
                self.place,
                acting.killed,
                trivial=trivial,
                ordered=ordered,
            )
        self.add(verdict)
        return verdict

    def add(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        write(self.verdicts)
        if LONG:
            print(verdict, flush=True)

    def end(self) -> None:
        for crew in self.crews:
            crew.stop()
