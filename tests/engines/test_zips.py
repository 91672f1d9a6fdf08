"""Zip files in parts: what zipfile reads of the whole, whatever stands before, and in bounded memory."""

import random
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import DamagedFile, InvalidDocument
from scheduler_defs.engines.documents import iter_documents
from scheduler_defs.engines.zips import iter_parts

CONTENT = {f"{number}/é{number}.json": b"x" * number for number in range(23)}


def written(path, content=CONTENT, **fields):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
        archive.comment = fields.get("comment", b"")
    return path


def read(path, at_once):
    """The content of each member by its name, and how many members each part had."""
    found, sizes = {}, []
    with path.open("rb") as file:
        for part in iter_parts(file, at_once):
            sizes.append(len(part.infolist()))
            found |= {name: part.read(name) for name in part.namelist()}
    return found, sizes


@pytest.mark.parametrize("at_once", [1, 5, 23, 1000])
@pytest.mark.parametrize("comment", [b"", b"c" * 65535])
def test_the_parts_hold_what_the_whole_does(tmp_path, at_once, comment):
    found, sizes = read(written(tmp_path / "a.zip", comment=comment), at_once)
    assert found == CONTENT
    assert max(sizes) == min(at_once, 23)
    assert sum(sizes) == 23


def test_what_precedes_a_zip_is_passed_over(tmp_path):
    path = written(tmp_path / "a.zip")
    path.write_bytes(b"#!/bin/sh\n" * 99 + path.read_bytes())
    assert read(path, 5)[0] == CONTENT


def test_zip64_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    path = written(tmp_path / "a.zip")
    assert b"PK\6\6" in path.read_bytes()
    assert read(path, 5)[0] == CONTENT


@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n"])
def test_a_part_says_that_its_records_stand_where_its_directory_ends(tmp_path, before):
    """Pythons that know of CVE-2025-8291 refuse what does not; those that run the tests may not."""
    path = written(tmp_path / "a.zip")
    path.write_bytes(before + path.read_bytes())
    with path.open("rb") as file:
        for part in iter_parts(file, 5):
            part.fp.seek(-98, 2)
            *_, count, counted, length, first = struct.unpack("<4sQHHLLQQQQ", part.fp.read(56))
            _, disk, record, disks = struct.unpack("<4sLQL", part.fp.read(20))
            assert (record, disk, disks) == (first + length, 0, 1)
            assert count == counted == len(part.infolist())
            assert first == part.start_dir - len(before)


def test_a_zip_without_members_has_no_part(tmp_path):
    assert read(written(tmp_path / "a.zip", {}), 5) == ({}, [])


def test_memory_does_not_grow_with_the_members(tmp_path):
    path = written(tmp_path / "a.zip", {f"{number}.json": b"" for number in range(30_000)})
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            assert sum(len(part.infolist()) for part in iter_parts(file, 1000)) == 30_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000


@given(data=st.data())
def test_a_damaged_zip_is_read_or_named(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("zip") / "a.zip", {"é.json": b"1", "b.json": b"2" * 300})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content)] * 3 + [len(content) - 1]))])
    found = [one for _, _, one in iter_documents(path)]
    assert all(isinstance(one, bytes | InvalidDocument) for one in found)
    assert {one for one in found if isinstance(one, bytes)} <= {b"1", b"2" * 300}


def test_the_order_is_that_of_the_directory(tmp_path):
    names = [f"{number}.json" for number in random.Random(1).sample(range(99), 30)]
    with written(tmp_path / "a.zip", dict.fromkeys(names, b"1")).open("rb") as file:
        assert [name for part in iter_parts(file, 4) for name in part.namelist()] == names


@pytest.mark.parametrize("cut", [0, 10, 21])
def test_a_zip_without_an_end_is_refused(tmp_path, cut):
    path = written(tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[-22 : -22 + cut])
    with path.open("rb") as file, pytest.raises(zipfile.BadZipFile, match="not a zip file"):
        next(iter_parts(file))


def test_a_name_that_is_no_text_is_damage(tmp_path):
    path = written(tmp_path / "a.zip", {"é.json": b"1"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    ((_, _, damage),) = iter_documents(path)
    assert isinstance(damage, DamagedFile)
    assert "codec can't decode" in damage.reason
