import gzip
import tracemalloc

import pytest

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.documents import (
    input_files,
    iter_documents,
    iter_json_lines,
    open_document,
    read_document,
)

CONTENT = b"".join(b'{"n":%d}\n' % n for n in range(50_000))


def packed(content=CONTENT):
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(("name", "stored"), [("plain.json.gz", CONTENT), ("packed.json", packed())])
def test_the_first_bytes_decide_not_the_name(tmp_path, name, stored):
    path = tmp_path / name
    path.write_bytes(stored)
    counts = []
    assert read_document(path, counts.append) == CONTENT
    assert sum(counts) == len(stored)


def test_joined_gzip_members_are_one_document(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed(b"ab") + packed(b"cd"))
    assert read_document(path) == b"abcd"


def test_an_empty_file_is_empty_content(tmp_path):
    path = tmp_path / "a.json"
    path.touch()
    assert read_document(path) == b""


@pytest.mark.parametrize("kept", [5, 200, len(packed()) - 4])
def test_a_truncated_gzip_stream_is_named(tmp_path, kept):
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed()[:kept])
    with pytest.raises(InvalidDocument, match="gzip stream is truncated") as caught:
        read_document(path)
    assert (caught.value.source, caught.value.path) == (str(path), "")


@pytest.mark.parametrize("place", [300, len(packed()) - 6])
def test_a_corrupt_gzip_stream_is_named(tmp_path, place):
    broken = bytearray(packed())
    broken[place] ^= 0xFF
    path = tmp_path / "a.json.gz"
    path.write_bytes(broken)
    with pytest.raises(InvalidDocument, match="gzip stream is corrupt"):
        read_document(path)


def test_the_limit_counts_content_not_bytes_on_disk(tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(packed(b" " * 5_000_000))
    assert len(read_document(path, limit=5_000_000)) == 5_000_000
    with pytest.raises(InvalidDocument, match="holds more than 4999999 bytes"):
        read_document(path, limit=4_999_999)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(InvalidInput, match="expected a readable file") as caught:
        open_document(path)
    assert (caught.value.field, caught.value.value) == ("file", str(path))


def test_lines_keep_their_number_and_blank_ones_are_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\r\n\n  \n{"b":2}')
    source = str(path)
    assert list(iter_json_lines(path)) == [(source, 1, b'{"a":1}'), (source, 4, b'{"b":2}')]


def test_lines_are_streamed_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    line = b'"' + b"x" * 998 + b'"\n'
    path.write_bytes(packed(line * 30_000))
    tracemalloc.start()
    try:
        count = sum(1 for _ in iter_json_lines(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 30_000
    assert peak < 4_000_000


def test_a_directory_is_read_in_sorted_order(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.json").write_bytes(b"1")
    (tmp_path / "a.jsonl.gz").write_bytes(packed(b"2\n3\n"))
    (tmp_path / "sub" / "c.json.gz").write_bytes(packed(b"4"))
    (tmp_path / "notes.txt").write_bytes(b"5")
    counts = []
    found = [
        (source.removeprefix(f"{tmp_path}/"), line, text)
        for source, line, text in iter_documents(tmp_path, counts.append)
    ]
    assert found == [
        ("a.jsonl.gz", 1, b"2"),
        ("a.jsonl.gz", 2, b"3"),
        ("b.json", None, b"1"),
        ("sub/c.json.gz", None, b"4"),
    ]
    assert sum(counts) == sum(file.stat().st_size for file in input_files(tmp_path))


def test_a_directory_without_documents_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="a directory that holds"):
        list(iter_documents(tmp_path))
