"""Row ids are UUIDv7 of RFC 9562."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from resources.ids import new_id


def test_an_id_has_version_7_and_the_variant_of_the_rfc():
    for _ in range(1000):
        made = new_id()
        assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_begins_with_the_milliseconds_of_its_making():
    before = time.time_ns() // 1_000_000
    made = new_id().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_later_milliseconds_sort_after_and_none_repeats():
    made = [new_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    stamps = [one.int >> 80 for one in made]
    assert stamps == sorted(stamps)
    assert made[0] < made[-1] or stamps[0] == stamps[-1]


def test_every_random_bit_of_a_milliseconds_first_id_takes_both_values():
    firsts = {}
    while len(firsts) < 100:
        one = new_id().int
        firsts.setdefault(one >> 80, one)
    made = list(firsts.values())
    fixed = 0xF << 76 | 0x3 << 62
    random_bits = ((1 << 80) - 1) & ~fixed
    seen_set = seen_clear = 0
    for one in made:
        seen_set |= one
        seen_clear |= ~one
    assert seen_set & seen_clear & random_bits == random_bits


def test_ids_of_a_process_sort_in_the_order_they_were_made():
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_make_the_same_id():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_id(), range(20_000)))
    assert len(set(made)) == len(made)
