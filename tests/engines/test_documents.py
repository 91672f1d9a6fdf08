import gzip
import io
import os
import random
import tarfile
import tracemalloc
import zipfile

import pytest

from resources.errors import DamagedFile, InvalidDocument, InvalidInput
from scheduler_defs.engines import documents
from scheduler_defs.engines.documents import (
    fingerprint_of,
    input_files,
    iter_documents,
    open_document,
    read_document,
)

MEBIBYTE = 1 << 20
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
    assert list(iter_documents(path)) == [(source, 1, b'{"a":1}'), (source, 4, b'{"b":2}')]


def test_lines_are_streamed_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    line = b'"' + b"x" * 998 + b'"\n'
    path.write_bytes(packed(line * 30_000))
    tracemalloc.start()
    try:
        count = sum(1 for _ in iter_documents(path))
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


MEMBERS = {
    "b.json": b"1",
    "a.jsonl": b"2\n\n3\n",
    "sub/c.json.gz": packed(b"4"),
    "notes.txt": b"5",
    "../../d.json": b"6",
}


def zipped(path, members=MEMBERS, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def tarred(path, members=MEMBERS, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


ARCHIVES = {
    "a.zip": zipped,
    "stored.zip": lambda path: zipped(path, method=zipfile.ZIP_STORED),
    "a.tar.gz": tarred,
    "a.tgz": tarred,
    "a.tar": lambda path: tarred(path, mode="w"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_read_like_a_directory_and_unpacked_nowhere(tmp_path, name):
    path = tmp_path / "in" / name
    path.parent.mkdir()
    ARCHIVES[name](path)
    counts = []
    found = {
        (source.removeprefix(f"{path}!"), line): text
        for source, line, text in iter_documents(path, counts.append)
    }
    assert found == {
        ("b.json", None): b"1",
        ("a.jsonl", 1): b"2",
        ("a.jsonl", 3): b"3",
        ("sub/c.json.gz", None): b"4",
        ("../../d.json", None): b"6",
    }
    assert sum(counts) == path.stat().st_size
    assert [*tmp_path.rglob("*.json*")] == []


def test_an_archive_in_a_directory_is_read_in_its_place(tmp_path):
    zipped(tmp_path / "b.zip", {"x.json": b"2"})
    (tmp_path / "a.json").write_bytes(b"1")
    (tmp_path / "c.json").write_bytes(b"3")
    assert [text for _, _, text in iter_documents(tmp_path)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
@pytest.mark.parametrize("share", [0, 0.3, 0.7])
def test_a_damaged_archive_is_named(tmp_path, name, share):
    path = tmp_path / name
    noise = {f"{number}.json": random.Random(number).randbytes(3000) for number in range(5)}
    {"a.zip": zipped, "a.tar.gz": tarred, "a.tar": lambda *of: tarred(*of, "w")}[name](path, noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    (damage,) = (one for _, _, one in iter_documents(path) if isinstance(one, DamagedFile))
    assert damage.source.startswith(str(path))
    assert damage.reason.startswith(("is damaged, cannot be unpacked: ", "holds no member"))


def broken(path, places):
    """The file with some bytes changed."""
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 1
    path.write_bytes(content)
    return path


def test_a_changed_byte_of_a_tar_is_found(tmp_path):
    tarred(tmp_path / "a.tar.gz", {"a.json": random.Random(1).randbytes(3000)})
    *_, (_, _, last) = iter_documents(broken(tmp_path / "a.tar.gz", [1500]))
    assert isinstance(last, DamagedFile)
    assert "CRC check failed" in last.reason


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_member_of_a_zip_is_left_out_whole_and_the_rest_goes_on(tmp_path, method):
    path = tmp_path / "a.zip"
    noise = {name: random.Random(name).randbytes(3000).hex().encode() for name in ("b.json", "c.jsonl")}
    packed_short = {"d.json.gz": packed()[:-9], "e.jsonl.gz": packed(b"3\n" * 9)[:-9]}
    zipped(path, {"a.json": b"1", **noise, **packed_short, "f.jsonl": b"2\n3"}, method)
    with zipfile.ZipFile(path) as archive:
        places = [archive.getinfo(name).header_offset + 1000 for name in noise]
    found = [
        (source.partition("!")[2], line, one) for source, line, one in iter_documents(broken(path, places))
    ]
    assert [found[0], *found[-2:]] == [("a.json", None, b"1"), ("f.jsonl", 1, b"2"), ("f.jsonl", 2, b"3")]
    damage = found[1:-2]
    assert [name for name, _, _ in damage] == [*noise, *packed_short]
    assert {type(one) for _, _, one in damage} == {InvalidDocument}
    assert {one.source for _, _, one in damage} == {f"{path}!{name}" for name, _, _ in damage}
    assert all("cannot be unpacked" in one.reason for _, _, one in damage[:2])
    assert all("gzip stream is truncated" in one.reason for _, _, one in damage[2:])


def test_a_damaged_file_of_a_directory_is_left_out_and_the_rest_goes_on(tmp_path):
    cut = {"b.json.gz": packed()[:-9], "c.jsonl.gz": packed(b"2\n")[:-9], "d.tar.gz": b"no tar", "e.zip": b""}
    for name, content in {"a.json": b"1", **cut, "f.json": b"3"}.items():
        (tmp_path / name).write_bytes(content)
    found = [(source.removeprefix(f"{tmp_path}/"), one) for source, _, one in iter_documents(tmp_path)]
    assert [one for _, one in found if isinstance(one, bytes)] == [b"1", b"3"]
    left_out = {name: type(one) for name, one in found if not isinstance(one, bytes)}
    assert left_out == dict.fromkeys(cut, DamagedFile) | {"b.json.gz": InvalidDocument}


def test_a_file_that_is_gone_before_it_is_read_is_named(tmp_path):
    for name in ("a.json", "b.json", "c.json"):
        (tmp_path / name).write_bytes(b"1")
    documents = iter_documents(tmp_path)
    next(documents)
    (tmp_path / "b.json").unlink()
    (_, _, gone), (*_, last) = documents
    assert (type(gone), last) == (DamagedFile, b"1")
    assert gone.reason == "cannot be read; expected a readable file (No such file or directory)"


def test_an_encrypted_member_of_a_zip_is_left_out(tmp_path):
    path = tmp_path / "a.zip"
    zipped(path, {"a.json": b"1", "b.json": b"2"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    (_, _, left_out), (*_, other) = iter_documents(path)
    assert (left_out.source, other) == (f"{path}!a.json", b"2")
    assert left_out.reason.startswith("cannot be unpacked: File 'a.json' is encrypted")


def test_an_archive_without_documents_is_named(tmp_path):
    zipped(tmp_path / "a.zip", {"notes.txt": b"1"})
    ((source, _, found),) = iter_documents(tmp_path / "a.zip")
    assert (source, type(found)) == (str(tmp_path / "a.zip"), DamagedFile)
    assert found.reason.startswith("holds no member that ends in .jsonl")


def test_too_large_a_document_is_left_out_and_the_rest_goes_on(tmp_path):
    (tmp_path / "a.json").write_bytes(b"1" * 101)
    (tmp_path / "b.json.gz").write_bytes(packed(b"1" * 101))
    (tmp_path / "c.jsonl").write_bytes(b"2\n" + b"3" * 600_000 + b"\n4\n" + b"5" * 101)
    tarred(tmp_path / "d.tar.gz", {"a.json": b"1" * 5000, "b.jsonl": b"6" * 101 + b"\n7"})
    zipped(tmp_path / "e.zip", {"a.json": b"1" * 101, "b.json": b"8" * 100})
    found = [*iter_documents(tmp_path, limit=100)]
    read = [(line, one) for _, line, one in found if isinstance(one, bytes)]
    assert read == [(1, b"2"), (3, b"4"), (2, b"7"), (None, b"8" * 100)]
    left_out = [
        (source.removeprefix(f"{tmp_path}/"), line)
        for source, line, one in found
        if type(one) is InvalidDocument
    ]
    assert left_out == [
        ("a.json", None),
        ("b.json.gz", None),
        ("c.jsonl", 2),
        ("c.jsonl", 4),
        ("d.tar.gz!a.json", None),
        ("d.tar.gz!b.jsonl", 1),
        ("e.zip!a.json", None),
    ]
    reasons = {one.reason for _, _, one in found if type(one) is InvalidDocument}
    assert reasons == {"holds more than 100 bytes of content", "is longer than 100 bytes"}


def test_a_file_of_lines_holds_any_number_of_them(tmp_path):
    many = packed((b" " * (MEBIBYTE - 1) + b"\n") * 64)
    (tmp_path / "a.jsonl.gz").write_bytes(many * 17 + packed(b"1\n"))
    assert [one[1:] for one in iter_documents(tmp_path / "a.jsonl.gz")] == [(1089, b"1")]


def test_a_line_without_an_end_is_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "LINE_LIMIT", 3 * MEBIBYTE)
    (tmp_path / "a.jsonl.gz").write_bytes(packed(b"1\n" + b"2" * (2 * MEBIBYTE) + b"\n3\n"))
    (tmp_path / "b.jsonl.gz").write_bytes(packed(b"4\n" + b"5" * (4 * MEBIBYTE) + b"\n6\n"))
    found = [(line, one) for _, line, one in iter_documents(tmp_path, limit=100)]
    assert [one for one in found if isinstance(one[1], bytes)] == [(1, b"1"), (3, b"3"), (1, b"4")]
    assert [one.reason for _, one in found if isinstance(one, InvalidDocument)] == [
        "is longer than 100 bytes",
        "is longer than 100 bytes",
        f"line 2 does not end within {3 * MEBIBYTE} bytes",
    ]
    assert isinstance(found[-1][1], DamagedFile)


def test_a_member_of_a_zip_with_a_line_without_an_end_is_left_out_and_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "LINE_LIMIT", 3 * MEBIBYTE)
    zipped(tmp_path / "a.zip", {"a.jsonl": b"1\n" + b"2" * (4 * MEBIBYTE), "b.json": b"3"})
    (_, line, left_out), (_, _, other) = iter_documents(tmp_path / "a.zip", limit=100)
    assert (line, type(left_out), other) == (None, InvalidDocument, b"3")


def test_a_byte_order_mark_is_no_content(tmp_path):
    mark = b"\xef\xbb\xbf"
    (tmp_path / "a.json").write_bytes(mark + b"1")
    (tmp_path / "b.jsonl.gz").write_bytes(packed(mark + b"2\n3"))
    zipped(tmp_path / "c.zip", {"a.jsonl": mark + b"\n4", "b.json": mark + b"5"})
    assert [one for _, _, one in iter_documents(tmp_path)] == [b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_member_that_grows_too_large_is_left_out_before_it_is_unpacked(tmp_path, make):
    path = tmp_path / ("a.zip" if make is zipped else "a.tar.gz")
    make(path, {"bomb.json": b"0" * 50_000_000})
    tracemalloc.start()
    try:
        ((_, _, left_out),) = iter_documents(path, limit=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert left_out.reason == "holds more than 1000000 bytes of content"
    assert peak < 8_000_000


def test_a_fingerprint_is_of_the_files_and_of_when_they_were_written(tmp_path):
    directory = tmp_path / "feed"
    directory.mkdir()
    for name in ("a.json", "b.jsonl", "not read.txt"):
        (directory / name).write_text("1")
    before = fingerprint_of(directory)
    (directory / "not read.txt").write_text("2")
    directory.rename(tmp_path / "moved")
    directory = tmp_path / "moved"
    assert fingerprint_of(directory) == before
    seen = {before}
    times = (directory / "a.json").stat()
    while (directory / "a.json").stat().st_ctime_ns == times.st_ctime_ns:  # the kernel counts milliseconds
        (directory / "a.json").write_text("2")
        os.utime(directory / "a.json", ns=(times.st_atime_ns, times.st_mtime_ns))
    seen.add(fingerprint_of(directory))
    (directory / "b.jsonl").rename(directory / "c.jsonl")
    seen.add(fingerprint_of(directory))
    (directory / "c.jsonl").unlink()
    seen.add(fingerprint_of(directory))
    assert len(seen) == 4
    with pytest.raises(InvalidInput, match="expected a readable file"):
        fingerprint_of(tmp_path / "none.json")
