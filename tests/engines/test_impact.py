import hashlib
import random
from collections.abc import Iterator

import pytest

from scheduler_defs.engines.impact import (
    CHUNK,
    Candidate,
    affected_components,
    match_in_chunks,
    snapshot_digest,
)
from scheduler_defs.engines.versions import AffectedRange

BELOW_TWO = AffectedRange("pypi", "a", "ECOSYSTEM", (("introduced", "0"), ("fixed", "2")), ())
THREE = AffectedRange("pypi", "a", "ECOSYSTEM", (("fixed", "4"), ("introduced", "3")), ())
UNREADABLE = AffectedRange("pypi", "a", "ECOSYSTEM", (("fixed", "soon"), ("introduced", "0")), ())


def candidates(version: str | None, *ranges: AffectedRange, component: int = 1) -> list[Candidate]:
    return [Candidate("ADV-1", one, [component], [version]) for one in ranges]


@pytest.mark.parametrize(
    ("version", "ranges", "affected", "unknown"),
    [
        ("1.0", (BELOW_TWO,), True, False),
        ("2.0", (BELOW_TWO,), False, False),
        ("3.5", (BELOW_TWO, THREE), True, False),
        ("2.5", (BELOW_TWO, THREE), False, False),
        ("1.0", (BELOW_TWO, UNREADABLE), True, False),
        ("2.5", (BELOW_TWO, UNREADABLE), False, True),
        (None, (BELOW_TWO, THREE), False, True),
        ("(devel)", (BELOW_TWO,), False, True),
    ],
)
def test_affected_beats_unknown_beats_not(
    version: str | None, ranges: tuple[AffectedRange, ...], affected: bool, unknown: bool
) -> None:
    for ordered in (ranges, ranges[::-1]):
        found = affected_components(candidates(version, *ordered))
        assert found.affected == (((1, "ADV-1"),) if affected else ())
        assert found.unknown == (((1, "ADV-1"),) if unknown else ())
        assert found.evaluated == len(ranges)


def test_pairs_are_sorted_whatever_the_order_of_the_candidates() -> None:
    rows = [Candidate(f"ADV-{number % 3}", BELOW_TWO, [number], ["1.0"]) for number in range(50)]
    rows += [Candidate("ADV-9", BELOW_TWO, [number], [None]) for number in range(50)]
    shuffled = random.Random(7).sample(rows, len(rows))
    found = affected_components(shuffled)
    assert found.affected == tuple((number, f"ADV-{number % 3}") for number in range(50))
    assert found.unknown == tuple((number, "ADV-9") for number in range(50))


def test_chunks_are_bounded_and_read_no_further_than_asked() -> None:
    taken = 0

    def source() -> Iterator[Candidate]:
        nonlocal taken
        for number in range(2 * CHUNK + 5):
            taken += 1
            yield Candidate("ADV-1", BELOW_TWO, [number], ["1.0"])

    seen = []
    for matches in match_in_chunks(source()):
        seen.append((matches.evaluated, len(matches.affected)))
        assert taken == matches.evaluated
    assert seen == [(CHUNK, CHUNK), (2 * CHUNK, 2 * CHUNK), (2 * CHUNK + 5, 2 * CHUNK + 5)]


def test_a_pair_that_spans_two_chunks_counts_once() -> None:
    *_, matches = match_in_chunks(candidates("1.0", UNREADABLE, BELOW_TWO, THREE), chunk=1)
    assert (matches.affected, matches.unknown) == (((1, "ADV-1"),), ())


def test_each_component_of_a_range_is_matched_by_its_own_version() -> None:
    candidate = Candidate("ADV-1", BELOW_TWO, [5, 3, 4, 9], ["1.0", "2.0", None, "1.0"])
    found = affected_components([candidate])
    assert (found.affected, found.unknown) == (((5, "ADV-1"), (9, "ADV-1")), ((4, "ADV-1"),))
    assert found.evaluated == 4


def test_of_what_may_be_of_another_release_nothing_is_surely_affected() -> None:
    vague = Candidate("ADV-1", BELOW_TWO, [1, 2, 3], ["1.0", "2.0", None], vague=True)
    sure = Candidate("ADV-1", THREE, [1, 2, 3], ["3.0", "2.0", "3.5"])
    found = affected_components([vague])
    assert (found.affected, found.unknown) == ((), ((1, "ADV-1"), (3, "ADV-1")))
    for ordered in ([vague, sure], [sure, vague]):
        found = affected_components(ordered)
        assert (found.affected, found.unknown) == (((1, "ADV-1"), (3, "ADV-1")), ())


def test_a_range_is_never_split_by_a_chunk() -> None:
    rows = [Candidate(f"ADV-{n}", BELOW_TWO, [n, 10 + n, 20 + n], ["1.0", "2.0", None]) for n in range(3)]
    assert [one.evaluated for one in match_in_chunks(rows, chunk=4)] == [6, 9]
    assert [one.evaluated for one in match_in_chunks(rows, chunk=9)] == [9]


def test_no_candidates_give_an_empty_result() -> None:
    assert [(one.evaluated, one.affected, one.unknown) for one in match_in_chunks([])] == [(0, (), ())]
    assert affected_components([]).unknown == ()


def test_a_snapshots_digest_covers_its_rows_in_any_order() -> None:
    first, second = ("r.example", "shop", "tag:1"), ("r.example", "shop", "tag:2")
    one, other = ("pkg:pypi/a@1", "ADV-1"), ("pkg:pypi/a@1", "ADV-2")
    digest = snapshot_digest({second: [one], first: [one, other]})
    assert digest == snapshot_digest({first: [other, one, other], second: [one]})
    assert digest != snapshot_digest({first: [one], second: [one]})
    assert snapshot_digest({first: [("b,c", "d")]}) != snapshot_digest({first: [("b", "c,d")]})
    assert snapshot_digest({}) == snapshot_digest({first: []}) == hashlib.sha256(b"").hexdigest()
    encoded = (
        b'["r.example","shop","tag:1","pkg:pypi/a@1","ADV-1"]\n'
        b'["r.example","shop","tag:1","pkg:pypi/a@1","ADV-2"]\n'
        b'["r.example","shop","tag:2","pkg:pypi/a@1","ADV-1"]\n'
    )
    assert digest == hashlib.sha256(encoded).hexdigest()
