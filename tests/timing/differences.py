"""Where plain croniter and cronsim fire at other times than we do: the table of docs/timing.md.

Usage: python -m tests.timing.differences docs/timing.md
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim, CronSimError

from resources.errors import InvalidInput
from scheduler_defs.timing.rules import CronRule, fires, validate
from scheduler_defs.timing.wall_clock import zone

HEADING = "## Where others disagree"
HORIZON = timedelta(days=20_000)
SHOWN = 3
NEW_YORK, LORD_HOWE, SAO_PAULO = "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"
CASABLANCA, APIA, LONDON, KATHMANDU = "Africa/Casablanca", "Pacific/Apia", "Europe/London", "Asia/Kathmandu"
SPRING, AUTUMN = "2026-03-08T05Z", "2026-11-01T04Z"

Answer = tuple[datetime, ...] | None

ONCE = (
    "The time comes twice that night. A fixed time of the day fires once; `--dst-overlap both` fires twice."
)
REAL = "That hour is left out that night. A wildcard fires at times that the clock shows; `--dst-gap shift` moves it."
FIXED = "Six fields follow the same rules as five: a fixed time is moved out of a gap and fires once in an overlap."
OR_DAYS = (
    "`*/n` restricts the day like any list, so either field may match; with the day match `and` both must."
)
WHOLE = "Only `*` and `?` leave a day field open. `1-31` names days, so either field may match."
SPECIAL = "Either or both? Others answer differently, so it is refused unless the day match `and` says both."
MIXED = "A plain weekday beside `#` is dropped by one and refused by another; write two triggers."
EQUAL = "A range with equal ends means one value to one and every value to another; write the value, or `*`."
WRAPS = "A range may wrap around: every third hour from 22 is 22 and 1."
ZERO = "There is no day 0."
WEEK = "An open step goes on to Saturday, the last of the weekdays 0 to 6. `1-7/2` has Sunday too."
SYNTAX = "Wider syntax: macros, `?`, `L5`, `15W`, `#` after named ranges, ranges to `L` and ranges that wrap."
LAST_SPELLING = "The last Friday is written `L5`."
LAST_WORKDAY = "The last weekday of a month is written `31W`."
YEAR = "There is no seventh field; a schedule has bounds instead."


@dataclass(frozen=True)
class Case:
    """An expression from an instant on, and why we read it as we do where others do not."""

    expression: str
    why: str
    zone: str = "UTC"
    after: str = "2026-01-01T00Z"


AGREED = """
0 0 13 * 5
0 0 1-31 * 1
0 0 L * *
0 0 * * 5#2
0 0 * * 0-7
0 0 * * 7
0 0 * * 0
0 0 * * 5-7/2
10/20 * * * *
59/15 * * * *
*/45 * * * *
0 0 * JAN-mar MON
0 0 30 2 1
0 0 29 2 *
* * * * * *
30 0 12 * * *
5,35 */6 1,15 * *
0 0 31 2 *
0 0 1 * L5
60 * * * *
0 0 0 * *
0 0 * * 8
0 0 * * 5#6
0 0 * 13 *
*/0 * * * *
@reboot
""".strip().splitlines()

CASES = [
    Case("30 1 * * *", ONCE, NEW_YORK, AUTUMN),
    Case("0 1-3 * * *", ONCE, NEW_YORK, AUTUMN),
    Case("45 1 * * *", ONCE, LORD_HOWE, "2026-04-04T12Z"),
    Case("30 23 * * *", ONCE, SAO_PAULO, "2018-02-17T12Z"),
    Case("30 2 * * *", ONCE, CASABLANCA, "2025-02-23T00Z"),
    Case("0 */2 * * *", REAL, NEW_YORK, SPRING),
    Case("*/20 2 * * *", REAL, NEW_YORK, SPRING),
    Case("*/30 0 4 11 *", REAL, SAO_PAULO, "2018-11-03T12Z"),
    Case("0 30 1 * * *", FIXED, NEW_YORK, AUTUMN),
    Case("0 30 2 * * *", FIXED, NEW_YORK, SPRING),
    Case("0 0 */2 * 5", OR_DAYS),
    Case("0 0 13 * */2", OR_DAYS),
    Case("0 0 */1 * 1", OR_DAYS),
    Case("0 0 1-31 * */2", WHOLE),
    Case("0 0 */2 * 1-7", WHOLE),
    Case("0 0 13 * 5#2", SPECIAL),
    Case("0 0 15W * 1", SPECIAL),
    Case("0 0 * * *,5#2", MIXED),
    Case("0 0 * * 1,5#2", MIXED),
    Case("0 9-9 * * *", EQUAL),
    Case("0 0 * * mon-1", EQUAL),
    Case("0 0 * * 7-0", EQUAL),
    Case("0 22-3/3 * * *", WRAPS),
    Case("0 0 28-0 * *", ZERO),
    Case("0 0 * * 1/2", WEEK),
    Case("0 22-2 * * *", SYNTAX),
    Case("0 0 * * fri-mon", SYNTAX),
    Case("0 0 * * fri-mon#2", SYNTAX),
    Case("0 0 * * L5", SYNTAX),
    Case("0 0 15W * *", SYNTAX),
    Case("0 0 30-L * *", SYNTAX),
    Case("0 0 ? * 1", SYNTAX),
    Case("@daily", SYNTAX),
    Case("0 0 * * 5L", LAST_SPELLING),
    Case("0 0 LW * *", LAST_WORKDAY),
    Case("0 0 12 * * * 2027", YEAR),
    # Everybody agrees on these; the table shows one as soon as somebody does not.
    *(
        Case(expression, "", where, after)
        for expression, where, after in [
            ("30 2 * * *", NEW_YORK, SPRING),
            ("0,30 2 * * *", NEW_YORK, SPRING),
            ("*/30 1 * * *", NEW_YORK, AUTUMN),
            ("15 * * * *", NEW_YORK, AUTUMN),
            ("0 1-3 * * *", NEW_YORK, SPRING),
            ("15 2 * * *", LORD_HOWE, "2026-10-03T00Z"),
            ("0 9 * * *", APIA, "2011-12-29T12Z"),
            ("0 */12 * * *", APIA, "2011-12-29T09Z"),
            ("0 0 * * *", SAO_PAULO, "2018-11-03T12Z"),
            ("5 0 * * *", KATHMANDU, "1985-12-30T00Z"),
            ("30 1 * * *", LONDON, "2026-03-28T12Z"),
            ("30 1 29 3 *", LONDON, "2099-01-01T00Z"),
            ("14 3 19 1 *", "UTC", "2037-02-01T00Z"),
        ]
    ),
    *(Case(expression, "") for expression in AGREED),
]


def ours(expression: str, where: ZoneInfo, after: datetime) -> Answer:
    """Our first fires in this zone; None when the expression is refused."""
    rule = CronRule(expression, where.key)
    try:
        validate(rule)
    except InvalidInput:
        return None
    return tuple(fires(rule, after, after + HORIZON, SHOWN))


def croniters(expression: str, where: ZoneInfo, after: datetime) -> Answer:
    """What croniter says, with nothing asked of it but seconds in front."""
    try:
        matcher = croniter(expression, after.astimezone(where), second_at_beginning=True)
        return tuple(matcher.get_next(datetime).astimezone(UTC) for _ in range(SHOWN))
    except (ValueError, TypeError, KeyError):
        return None


def cronsims(expression: str, where: ZoneInfo, after: datetime) -> Answer:
    """What cronsim says."""
    try:
        found = [one.astimezone(UTC) for one in islice(CronSim(expression, after.astimezone(where)), SHOWN)]
    except CronSimError:
        return None
    return tuple(found)


def disagreements() -> Iterator[tuple[Case, Answer, Answer, Answer]]:
    """Each case in which somebody disagrees, with what we, croniter and cronsim say."""
    for case in CASES:
        where, after = zone(case.zone), datetime.fromisoformat(case.after)
        answers = [says(case.expression, where, after) for says in (ours, croniters, cronsims)]
        if len(set(answers)) > 1:
            yield (case, *answers)


def table() -> list[str]:
    """The lines of the table."""
    lines = ["| expression | zone | ours | croniter | cronsim | why |", "|---|---|---|---|---|---|"]
    for case, we, *others in disagreements():
        same = [bool(we) and other == we for other in others]
        told = [
            "as ours" if alike else _cell(other, case.zone) for alike, other in zip(same, others, strict=True)
        ]
        cells = [_cell(we, case.zone), *told]
        lines.append(f"| `{case.expression}` | {case.zone} | {' | '.join(cells)} | {case.why} |")
    return lines


def _cell(answer: Answer, name: str) -> str:
    if answer is None:
        return "refused"
    local = [instant.astimezone(zone(name)) for instant in answer]
    form = "%Y-%m-%d %H:%M" + ("" if name == "UTC" else " %z")
    return "<br>".join(one.strftime(form) for one in local) or "never"


def replaced(text: str) -> str:
    """The page with the table as it is now."""
    before, heading, rest = text.partition(f"{HEADING}\n")
    lines = rest.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|"))
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("|")), len(lines))
    return before + heading + "\n".join([*lines[:start], *table(), *lines[end:]]) + "\n"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(replaced(page.read_text("utf-8")), "utf-8")
