"""Digests of what is in files: each file is read once, and again when it is another."""

import os
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from text4vis_lab import digests
from text4vis_lab.digests import contents_of, stamp_of


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """A folder of caches of its own; digests of fresh files are kept too."""
    folder = tmp_path / "caches"
    folder.mkdir()
    monkeypatch.setattr(digests, "cache_folder", lambda: folder)
    monkeypatch.setattr(digests, "SETTLED", -60.0)
    return folder


@pytest.fixture
def read(monkeypatch):
    """Collects the files that are read."""
    seen, before = [], digests.file_digest
    monkeypatch.setattr(digests, "file_digest", lambda path: seen.append(path) or before(path))
    return seen


@pytest.fixture
def files(tmp_path):
    """A file, a copy of it, another with a name that is not UTF-8, and a folder of two frames."""
    frames = tmp_path / "frames"
    frames.mkdir()
    named = {"a.mp4": b"one", "b.mp4": b"one", os.fsdecode(b"caf\xe9.mp4"): b"two"}
    named |= {"frames/1.png": b"1", "frames/2.jpg": b"2", "frames/list.txt": b"no picture"}
    for name, content in named.items():
        (tmp_path / name).write_bytes(content)
    return [*(tmp_path / name for name in list(named)[:3]), frames]


def test_the_same_bytes_have_the_same_digest_whatever_they_are_called(files, caches):
    found = contents_of([*files, files[0].parent / "nowhere.mp4"])
    first, copy, other, frames, gone = found.values()
    assert first == copy == sha256(b"one").hexdigest()
    assert (other, gone) == (sha256(b"two").hexdigest(), "")
    parts = [f"{name}\0{sha256(content).hexdigest()}\n" for name, content in {"1.png": b"1", "2.jpg": b"2"}.items()]
    assert frames == sha256("".join(parts).encode()).hexdigest()


def test_each_file_is_read_once(files, caches, read):
    first = contents_of(files)
    assert len(read) == 5
    assert contents_of(files) == first
    assert len(read) == 5


def replaced(path: Path) -> None:
    """Other bytes, as many of them, and the times set back."""
    before = path.stat()
    path.write_bytes(b"eno")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_that_was_changed_is_read_again_though_size_and_time_were_set_back(files, caches, read):
    contents_of(files)
    replaced(files[0])
    (files[3] / "2.jpg").rename(files[3] / "3.jpg")
    read.clear()
    found = contents_of(files)
    assert found[files[0]] == sha256(b"eno").hexdigest()
    assert sorted(path.name for path in read) == ["1.png", "3.jpg", "a.mp4"]


def test_a_file_that_has_just_been_written_is_not_taken_for_settled(files, caches, read, monkeypatch):
    monkeypatch.setattr(digests, "SETTLED", 60.0)
    for _ in range(2):
        contents_of(files[:1])
    assert len(read) == 2


def test_a_file_that_changes_while_it_is_read_is_not_kept(files, caches, monkeypatch):
    before = digests.file_digest

    def slow(path):
        found = before(path)
        path.write_bytes(b"longer than before")
        return found

    monkeypatch.setattr(digests, "file_digest", slow)
    contents_of(files[:1])
    monkeypatch.setattr(digests, "file_digest", before)
    assert contents_of(files[:1])[files[0]] == sha256(b"longer than before").hexdigest()


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + bytes(84)])
def test_without_the_database_files_are_read_and_it_is_said(files, caches, read, damage):
    (caches / digests.DATABASE).write_bytes(damage)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"contents\.sqlite: digests of files are not kept .*; delete it"):
            assert contents_of(files[:1])[files[0]] == sha256(b"one").hexdigest()
    assert len(read) == 2


def test_a_folder_that_cannot_be_written_to_is_said(files, caches, read, monkeypatch):
    monkeypatch.setattr(digests, "cache_folder", lambda: caches / "nowhere")
    with pytest.warns(UserWarning, match="digests of files are not kept"):
        assert contents_of(files[:1])[files[0]] == sha256(b"one").hexdigest()


def test_what_is_no_file_has_no_digest_and_is_not_waited_for(tmp_path, caches):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "empty").mkdir()
    found = contents_of([tmp_path / "pipe.mp4", tmp_path / "loop.mp4", tmp_path / "empty"])
    assert [*found.values()] == ["", "", ""]
    assert stamp_of(tmp_path / "loop.mp4") is None


KEEPING = """
import sys
from pathlib import Path
from text4vis_lab import digests
digests.SETTLED, digests.BATCH = -60.0, 7
digests.cache_folder = lambda: Path(sys.argv[1])
print(len(digests.contents_of(sorted(Path(sys.argv[2]).glob("*.mp4")))))
"""


def test_processes_that_keep_digests_at_once_lose_none(tmp_path, caches, read):
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
        for number in range(50):
            (folder / f"{number}.mp4").write_bytes(f"{folder.name} {number}".encode())
    shared = [*folders, folders[0]]  # two of the processes keep the same
    started = [
        subprocess.Popen([sys.executable, "-c", KEEPING, caches, folder], stdout=subprocess.PIPE) for folder in shared
    ]
    assert [process.communicate()[0] for process in started] == [b"50\n"] * 5
    found = contents_of(path for folder in folders for path in sorted(folder.glob("*.mp4")))
    assert read == []
    assert len({*found.values()}) == 200
    with sqlite3.connect(caches / digests.DATABASE) as database:
        assert database.execute("SELECT count(*) FROM contents").fetchone() == (200,)
