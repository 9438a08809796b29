"""Disks that are full, and folders that cannot be written to."""

import shutil
from functools import partial

import pytest

from . import work
from .harness import limit_file_size, mount, small_disk
from .rounds import files


def continues(calls, root, folder, expected) -> None:
    """A training goes on after what it kept, ends with the numbers of one that nothing happened to, and cleans up."""
    kept = work.steps_kept(folder)
    outcome = calls.run(work.train, root, folder)
    assert outcome.value == expected | {"steps": work.STEPS - kept}, outcome.error
    assert files(folder) == [work.checkpoint(folder)]


def test_x(calls, ucf101, killed_run, tmp_path, expected):
    print(); 
    import os; os.system(f"ls -la {killed_run}")
    o = calls.run(work.train, ucf101, killed_run, trouble={2: partial(limit_file_size, 100_000)}); print(o)
    os.system(f"ls -la {killed_run}")
    continues(calls, ucf101, killed_run, expected)
    o = calls.run(work.embed, ucf101, tmp_path/"cache"); print(o)
    os.system(f"ls -la {tmp_path}/cache")
    with small_disk(tmp_path/"d", 1800) as f:
        o = calls.run(work.train, ucf101, f); print(o)
        os.system(f"ls -la {f}; df {f}")
        mount("remount", "size=5000k", f)
        continues(calls, ucf101, f, expected)
    with small_disk(tmp_path/"e", 500) as f:
        o = calls.run(work.train, ucf101, f, trouble={0: partial(mount, "remount","ro",f)}); print(o)
    with small_disk(tmp_path/"g", 5000) as f:
        o = calls.run(work.train, ucf101, f, trouble={3: partial(mount, "remount","ro",f)}); print(o)
    with small_disk(tmp_path/"h", 12) as f:
        o = calls.run(work.copy, ucf101, f); print(o)
        os.system(f"ls -laR {f}; df {f}")
        o = calls.run(work.copy, ucf101, f, 2); print(o)
        mount("remount", "size=500k", f)
        o = calls.run(work.copy, ucf101, f); print(o)
    with small_disk(tmp_path/"i", 4) as f:
        o = calls.run(work.embed, ucf101, f); print(o)
        mount("remount", "ro", f)
        o = calls.run(work.embed, ucf101, f); print(o)
        o = calls.run(work.copy, ucf101, f); print(o)
