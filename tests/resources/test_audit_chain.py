"""The chain as pure functions: any honest chain follows, any change of a byte is found."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from resources.audit_chain import GENESIS, TENANT, check_links, link_hash, seals_of
from resources.records import AuditLink, ChainHead, UnsealedEntry

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MICROSECONDS = "1773489600000000"
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
CONTENT = st.lists(st.none() | TEXT, min_size=10, max_size=10)


def without_tenant(content):
    return (*content[:TENANT], *content[TENANT + 1 :])


CHAIN = st.sampled_from(["", "acme"])


def chain_of(chain, batches):
    """Links as they would be kept, sealed batch by batch; every entry is of the chain's tenant."""
    links = []
    for contents in batches:
        batch = [[*content[:TENANT], chain or None, *content[TENANT + 1 :]] for content in contents]
        head = ChainHead(chain, links[-1].seq, links[-1].hash) if links else None
        entries = [UnsealedEntry(UUID(int=len(links) + at), content) for at, content in enumerate(batch)]
        for seal, entry in zip(seals_of(chain, head, entries, NOW), entries, strict=True):
            kept = (seal.seq, seal.tenant_id, seal.audit_id, seal.previous_hash, seal.hash)
            links.append(AuditLink(*kept, MICROSECONDS, entry.content))
    return links


@given(CHAIN, st.lists(st.lists(CONTENT, max_size=4), max_size=4))
def test_any_batches_make_the_same_chain_which_follows(chain, batches):
    links = chain_of(chain, batches)
    assert links == chain_of(chain, [[content for batch in batches for content in batch]])
    heads = [ChainHead(chain, link.seq, link.hash) for link in links]
    checked = check_links(chain, links, heads)
    assert (checked.links, checked.fault) == (len(links), None)


@given(st.data(), CHAIN, st.lists(CONTENT, min_size=1, max_size=5))
def test_a_change_of_one_byte_of_one_column_is_found_where_it_is(data, chain, contents):
    links = chain_of(chain, [contents])
    at = data.draw(st.integers(0, len(links) - 1))
    column = data.draw(st.integers(0, 9))
    was = links[at].content[column]
    changed = data.draw(one_byte_off(was))
    content = [*links[at].content[:column], changed, *links[at].content[column + 1 :]]
    links[at] = replace(links[at], content=content)
    assert check_links(chain, links, []).fault.seq == at + 1


def one_byte_off(text):
    """Texts that differ from one in a single byte; for NULL and the empty text, each other."""
    if not text:
        return st.just("" if text is None else None)
    raw = text.encode()

    def flip(change):
        position, bit = change
        return raw[:position] + bytes([raw[position] ^ 1 << bit]) + raw[position + 1 :]

    flips = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 6)).map(flip)
    return flips.map(lambda one: one.decode("utf-8", "surrogateescape")).map(
        lambda one: one if is_utf8(one) else None
    )


def is_utf8(text):
    return not any("\ud800" <= character <= "\udfff" for character in text)


@given(st.data(), CHAIN, st.lists(CONTENT, min_size=3, max_size=6, unique_by=without_tenant))
def test_a_removed_or_moved_link_is_found_and_a_cut_tail_by_a_head(data, chain, contents):
    links = chain_of(chain, [contents])
    head = ChainHead(chain, links[-1].seq, links[-1].hash)
    at = data.draw(st.integers(0, len(links) - 2))
    assert check_links(chain, links[:at] + links[at + 1 :], []).fault.seq == at + 1
    swapped = [*links[:at], links[at + 1], links[at], *links[at + 2 :]]
    assert check_links(chain, swapped, []).fault.seq == at + 1
    assert check_links(chain, links[: at + 1], []).fault is None
    assert check_links(chain, links[: at + 1], [head]).fault.seq == at + 2


@given(CONTENT, CONTENT)
def test_no_two_contents_have_the_same_bytes(one, other):
    hashes = {link_hash(GENESIS, "acme", 1, "acme", "0", content) for content in (one, other)}
    assert len(hashes) == len({tuple(one), tuple(other)})


def test_text_moved_between_columns_is_another_content():
    contents = [
        ["ab", "c", None],
        ["a", "bc", None],
        ["ab", None, "c"],
        ["ab", "c", ""],
        ["ab", "c\x00", None],
    ]
    assert len({link_hash(GENESIS, "a", 1, "a", "0", one) for one in contents}) == len(contents)


def test_the_form_is_fixed():
    """Who holds an exported head counts on it: a change needs another FORM and a way to check old links."""
    parts = [b"acme", b"7", b"acme", MICROSECONDS.encode(), b"x"]
    framed = b"".join(b"\x01" + len(part).to_bytes(8, "big") + part for part in parts)
    expected = hashlib.sha256(b"scheduler.audit.1" + GENESIS + framed + b"\x00").digest()
    assert link_hash(GENESIS, "acme", 7, "acme", MICROSECONDS, ["x", None]) == expected


def test_the_instant_of_a_seal_is_counted_in_microseconds():
    moment = NOW + timedelta(microseconds=1)
    (seal,) = seals_of("", None, [UnsealedEntry(UUID(int=1), [None] * 10)], moment)
    assert seal.hash == link_hash(GENESIS, "", 1, None, "1773489600000001", [None] * 10)
    assert (seal.seq, seal.tenant_id, seal.sealed_at) == (1, None, moment)


@given(CHAIN, TEXT)
def test_an_entry_of_another_tenant_is_found(chain, tenant):
    content = ["id", tenant or None, *["x"] * 8]
    (seal,) = seals_of(chain, None, [UnsealedEntry(UUID(int=1), content)], NOW)
    kept = (seal.seq, seal.tenant_id, seal.audit_id, seal.previous_hash, seal.hash)
    fault = check_links(chain, [AuditLink(*kept, MICROSECONDS, content)], []).fault
    assert (fault is None) == (tenant == chain)
