"""Training-ready copies: the same frames, whole or not there, whatever happens on the way."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import CLASSES, frame_numbers, write_ucf101, write_video
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from text4vis_core import load_videos, read_frames
from text4vis_core.data.video import VideoError, open_video
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.lists import only
from text4vis_lab.prepare import copying
from text4vis_lab.prepare import data_set as preparing
from text4vis_lab.prepare._crew import do_jobs
from text4vis_lab.prepare.copying import Recipe, content_digest
from text4vis_lab.prepare.data_set import Prepared, PrepareError, Work, prepare
from text4vis_lab.prepare.reader import SUFFIX, PreparedReader

FINE = Recipe(crf=8, gop=3)
SILENT = {"num_workers": 0, "progress": False}
WORK = {field.name for field in fields(Work)}


def run(videos: VideoList, folder: Path, **options) -> Prepared:
    """Of the options, those of `Work` are meant for it."""
    work = {name: options.pop(name) for name in list(options) if name in WORK}
    return prepare(videos, folder, work=Work(**SILENT | work), **{"recipe": FINE} | options)


def whole(path: Path) -> np.ndarray:
    return read_frames(path, np.arange)


def difference(first: Path, second: Path) -> int:
    """The largest between two videos' frames, in grey levels."""
    return int(np.abs(whole(first).astype(int) - whole(second)).max())


def tree(folder: Path) -> dict[str, str]:
    """Digests of all files of a folder, but for the journal, whose lines have an order."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("journal.jsonl", ".lock")]
    return {path.relative_to(folder).as_posix(): content_digest(path) for path in files}


@pytest.fixture
def data(tmp_path) -> VideoList:
    """Six training videos, that a test may spoil."""
    return load_videos("ucf101", write_ucf101(tmp_path / "data", train=2, test=1), "train")


def test_copies_have_the_same_frames_labels_and_rate(data, tmp_path):
    originals = tree(tmp_path / "data")
    done = run(data, tmp_path / "copies", num_workers=2)
    assert (done.made, done.kept, done.skipped) == (6, 0, ())
    assert done.bytes_before == sum(video.path.stat().st_size for video in data.videos)
    copies = load_videos("prepared", tmp_path / "copies", "train")
    assert done.bytes_after == sum(video.path.stat().st_size for video in copies.videos)
    assert (copies.classes, copies.labels.tolist()) == (CLASSES, data.labels.tolist())
    for video, copy in zip(data.videos, copies.videos, strict=True):
        assert isinstance(open_video(copy.path), PreparedReader)
        assert open_video(copy.path).fps == open_video(video.path).fps
        assert difference(copy.path, video.path) < 5  # frames are 10 grey levels apart
    assert tree(tmp_path / "data") == originals


@pytest.mark.parametrize("gop", [1, 2, 5, 40])
def test_any_frames_of_a_copy_are_those_asked_for(video, tmp_path, gop):
    run(VideoList(("a",), (Video(video, 0),)), tmp_path, recipe=Recipe(crf=4, gop=gop))
    [copy] = tmp_path.rglob(f"*{SUFFIX}")
    rng = np.random.default_rng(gop)
    for _ in range(10):
        wanted = rng.integers(12, size=6)
        assert frame_numbers(open_video(copy).decode(wanted)) == wanted.tolist()


@pytest.mark.parametrize(("size", "expected"), [((90, 61), (88, 60)), ((31, 33), (32, 32)), ((120, 60), (120, 60))])
def test_sides_are_even_and_the_short_one_at_most_as_asked(tmp_path, size, expected):
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(4):
        Image.new("RGB", size[::-1], (20 + 10 * i, 110, 200)).save(folder / f"{i}.png")
    run(VideoList(("a",), (Video(folder, 0),)), tmp_path / "copies", recipe=replace(FINE, short_side=60))
    frames = whole(load_videos("prepared", tmp_path / "copies", "train").videos[0].path)
    assert frames.shape[1:3] == expected
    assert frame_numbers(frames) == [0, 1, 2, 3]


def test_parts_in_seconds_are_the_same_frames_of_a_file_and_of_a_folder(video, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, frame in enumerate(whole(video)):
        Image.fromarray(frame).save(folder / f"{i}.png")
    parts = [Video(video, 0, start=0.25, end=0.5), Video(video, 1), Video(folder, 1, start=1.0, end=2.0, duration=4.0)]
    run(VideoList(("a", "b"), tuple(parts)), tmp_path / "copies")
    assert len(list((tmp_path / "copies").rglob(f"*{SUFFIX}"))) == 2
    copies = load_videos("prepared", tmp_path / "copies", "train").videos
    for part, copy, numbers in zip(parts, copies, ([3, 4, 5], list(range(12)), [3, 4, 5]), strict=True):
        for each in (part, copy):
            frames = read_frames(each.path, np.arange, each.start, each.end, each.duration)
            assert frame_numbers(frames) == numbers
    with pytest.raises(VideoError, match="its frame rate is unknown"):
        read_frames(copies[2].path, np.arange, 1.0, 2.0)


def test_a_second_call_makes_nothing_and_splits_share_copies(data, tmp_path, monkeypatch):
    run(data, tmp_path / "copies")
    before = tree(tmp_path / "copies")
    monkeypatch.setattr(copying, "encode", None)
    again = run(data, tmp_path / "copies")
    assert (again.made, again.kept) == (0, 6)
    assert tree(tmp_path / "copies") == before
    assert run(only(data, [1]), tmp_path / "copies", split="test").kept == 2
    assert load_videos("prepared", tmp_path / "copies", "test").labels.tolist() == [1, 1]


def test_a_file_that_was_only_touched_is_not_copied_again(data, tmp_path, monkeypatch):
    run(data, tmp_path / "copies")
    os.utime(data.videos[2].path, (1, 1))
    monkeypatch.setattr(copying, "encode", None)
    done = run(data, tmp_path / "copies")
    assert (done.made, done.kept) == (0, 6)


def test_a_changed_original_is_copied_anew_and_its_old_copy_is_gone(data, tmp_path):
    run(data, tmp_path / "copies")
    old = load_videos("prepared", tmp_path / "copies", "train")
    first = old.videos[0].path
    write_video(data.videos[0].path, 6, codec="mpeg4", shift=9)
    done = run(data, tmp_path / "copies")
    assert (done.made, done.kept) == (1, 5)
    assert not first.exists()
    new = load_videos("prepared", tmp_path / "copies", "train")
    assert difference(new.videos[0].path, data.videos[0].path) < 5
    assert list(new.videos)[1:] == list(old.videos)[1:]
    assert new.fingerprint() != old.fingerprint()


def test_an_original_that_was_changed_in_its_middle_is_another(tmp_path):
    content = bytearray(os.urandom(300_000))
    for path in (tmp_path / "video.mp4", tmp_path / "pictures" / "1.jpg"):
        path.parent.mkdir(exist_ok=True)
        digests = set()
        for byte in (0, 1):
            content[150_000] = byte
            path.write_bytes(content)
            digests.add(content_digest(path if path.parent == tmp_path else path.parent))
        assert len(digests) == 2


def test_an_error_that_is_kept_keeps_no_workers(data, tmp_path):
    data.videos[0].path.write_bytes(b"no video")
    with pytest.raises(VideoError) as kept:
        run(data, tmp_path / "copies", num_workers=2)
    assert kept.value.__traceback__ is not None
    assert not [child for child in psutil.Process().children() if "text4vis_lab.prepare.copying" in child.cmdline()]


def test_a_copy_that_is_gone_or_cut_is_made_anew(data, tmp_path):
    run(data, tmp_path / "copies")
    before = tree(tmp_path / "copies")
    first, second, *_ = load_videos("prepared", tmp_path / "copies", "train").videos
    first.path.unlink()
    second.path.write_bytes(second.path.read_bytes()[:-9])
    assert run(data, tmp_path / "copies").made == 2
    assert tree(tmp_path / "copies") == before


def test_copies_by_another_recipe_are_not_mixed(data, tmp_path):
    run(only(data, [0]), tmp_path / "copies")
    before = tree(tmp_path / "copies")
    with pytest.raises(PrepareError, match=r"copies holds copies of crf 8, not 9; choose another folder, or delete it"):
        run(data, tmp_path / "copies", recipe=replace(FINE, crf=9))
    assert tree(tmp_path / "copies") == before


class Ended(BaseException):
    """As if the process was killed here."""


@settings(max_examples=15)
@given(st.data())
def test_what_is_interrupted_anywhere_is_taken_up_and_ends_the_same(tmp_path_factory, data):
    root = tmp_path_factory.getbasetemp() / "interrupted"
    if not root.exists():
        write_ucf101(root / "data", train=1, test=1)
        run(load_videos("ucf101", root / "data", "train"), root / "expected")
    videos, folder = load_videos("ucf101", root / "data", "train"), tmp_path_factory.mktemp("copies")
    for _ in range(data.draw(st.integers(1, 3))):
        with pytest.MonkeyPatch.context() as patch:
            where = [(copying, "encode"), (copying, "verify"), (preparing, "attempt"), (preparing, "write_index")]
            module, name = data.draw(st.sampled_from([*where, (os, "replace"), (json, "dumps")]))
            left, after, function = data.draw(st.integers(0, 8)), data.draw(st.booleans()), getattr(module, name)

            def ends(*args, function=function, after=after, **options):
                nonlocal left
                left -= 1
                if left < 0 and not after:
                    raise Ended
                result = function(*args, **options)
                if left < 0:
                    raise Ended
                return result

            patch.setattr(module, name, ends)
            with contextlib.suppress(Ended):
                run(videos, folder)
        # What a killed process leaves, and an exception does not: half a line, and half a copy.
        if (folder / "videos").exists():
            (folder / "videos" / "HulaHoop").mkdir(exist_ok=True)
            (folder / "videos" / "HulaHoop" / f".x{SUFFIX}.1-2.tmp").write_bytes(b"half a copy")
        journal = folder / "journal.jsonl"
        if journal.exists():
            content = journal.read_bytes()
            journal.write_bytes(content[: len(content) - data.draw(st.integers(0, min(len(content), 300)))])
    run(videos, folder)
    assert tree(folder) == tree(root / "expected")
    shutil.rmtree(folder)


@pytest.mark.slow
def test_it_is_taken_up_after_a_kill(data, tmp_path):
    program = (
        "import sys, os\nfrom text4vis_core import load_videos\nfrom text4vis_lab.prepare import data_set as p\n"
        "from text4vis_lab.prepare.copying import Recipe\n"
        "videos = load_videos('ucf101', sys.argv[1], 'train')\n"
        "journal = p._keep_account\n"
        "def killed(folder, rows, results, on_error):\n"
        "    def some():\n"
        "        for i, result in enumerate(results):\n"
        "            if i == 3: os.kill(os.getpid(), 9)\n"
        "            yield result\n"
        "    return journal(folder, rows, some(), on_error)\n"
        "p._keep_account = killed\n"
        "p.prepare(videos, sys.argv[2], recipe=Recipe(crf=8, gop=3), work=p.Work(2, progress=False))\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "data", tmp_path / "copies"]
    assert subprocess.run(command).returncode == -9
    done = run(data, tmp_path / "copies")
    assert (done.made, done.kept) == (3, 3)
    run(data, tmp_path / "expected")
    assert tree(tmp_path / "copies") == tree(tmp_path / "expected")


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_video_that_cannot_be_decoded_stops_or_is_left_out_and_named(data, tmp_path, num_workers):
    good = data.videos[1].path.read_bytes()
    data.videos[1].path.write_bytes(b"no video")
    with pytest.raises(VideoError, match=rf"cannot read video {data.videos[1].path}: no decoder can open it"):
        run(data, tmp_path / "copies", num_workers=num_workers)
    done = run(data, tmp_path / "copies", num_workers=num_workers, on_error="skip")
    [(path, reason)] = done.skipped
    assert (path, reason[:22]) == (str(data.videos[1].path), "no decoder can open it")
    copies = load_videos("prepared", tmp_path / "copies", "train")
    assert len(copies) == 5
    assert [video.label for video in copies.missing] == [data.videos[1].label]
    assert copies.videos.source.about["skipped"] == [[path, reason]]
    data.videos[1].path.write_bytes(good)
    done = run(data, tmp_path / "copies", num_workers=num_workers, on_error="skip")
    assert (done.made, done.skipped) == (1, ())
    assert len(load_videos("prepared", tmp_path / "copies", "train")) == 6


def test_what_was_missing_stays_missing(data, tmp_path):
    gone = Video(Path("gone.webm"), 2)
    run(replace(data, missing=(gone,)), tmp_path / "copies")
    [missing] = load_videos("prepared", tmp_path / "copies", "train").missing
    assert (missing.label, missing.path.name) == (2, f"gone{SUFFIX}")


def test_without_any_copy_there_is_no_index(data, tmp_path):
    for video in data.videos:
        video.path.write_bytes(b"no video")
    with pytest.raises(
        ValueError, match=r"none of the 6 videos could be copied; the first: .*_g01_c01.avi: no decoder"
    ):
        run(data, tmp_path / "copies", on_error="skip")
    assert not list((tmp_path / "copies").glob("*.index"))


def test_a_copy_that_is_too_coarse_is_made_anew_finer(tmp_path):
    noise = tmp_path / "noise"
    noise.mkdir()
    for i in range(3):
        picture = np.random.default_rng(i).integers(256, size=(64, 64, 3), dtype=np.uint8)
        Image.fromarray(picture).save(noise / f"{i}.png")
    videos = VideoList(("a",), (Video(noise, 0),))
    coarse = run(videos, tmp_path / "coarse", recipe=Recipe(crf=50, min_psnr=1.0))
    finer = run(videos, tmp_path / "finer", recipe=Recipe(crf=50, min_psnr=coarse.lowest_psnr + 2))
    assert finer.lowest_psnr >= coarse.lowest_psnr + 2
    assert finer.bytes_after > coarse.bytes_after
    with pytest.raises(VideoError, match=r"the best copy has a PSNR of \d+\.\d dB, 99 are asked for; lower min_psnr"):
        run(videos, tmp_path / "none", recipe=Recipe(min_psnr=99.0))


def test_a_copy_with_other_frames_is_not_kept(video, tmp_path, monkeypatch):
    frames = copying.all_frames
    monkeypatch.setattr(copying, "all_frames", lambda *args: [*frames(*args)][1:])
    with pytest.raises(VideoError, match=r"its copy is faulty \(it has 11 frames at 12 per second\)"):
        run(VideoList(("a",), (Video(video, 0),)), tmp_path)
    monkeypatch.setattr(copying, "all_frames", lambda *args: [*frames(*args)][::-1])
    with pytest.raises(VideoError, match="PSNR"):
        run(VideoList(("a",), (Video(video, 0),)), tmp_path)
    assert not list(tmp_path.rglob("*.mp4"))


def test_a_damaged_copy_is_named_when_it_is_decoded(video, tmp_path):
    run(VideoList(("a",), (Video(video, 0),)), tmp_path)
    [copy] = tmp_path.rglob(f"*{SUFFIX}")
    content = bytearray(copy.read_bytes())
    content[content.index(b"mdat") + 4 :] = bytes(len(content) - content.index(b"mdat") - 4)
    copy.write_bytes(content)
    with pytest.raises(VideoError, match=rf"{copy.name}: decoding failed"):
        whole(copy)
    copy.write_bytes(content[:200])
    with pytest.raises(VideoError, match=rf"{copy.name}: no decoder can open it"):
        whole(copy)


def test_a_full_disk_is_one_error_and_what_is_finished_stays(data, tmp_path, monkeypatch):
    encode, calls = copying.encode, []

    def full(*args):
        calls.append(args)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        encode(*args)

    monkeypatch.setattr(copying, "encode", full)
    reason = "No space left on device; the 2 copies that are finished are kept: see to it, and call prepare again"
    with pytest.raises(PrepareError, match=reason):
        run(data, tmp_path / "copies")
    done = run(data, tmp_path / "copies")
    assert (done.made, done.kept) == (4, 2)


def test_a_folder_in_use_is_said_to_be(data, tmp_path):
    (tmp_path / "copies").mkdir()
    with (
        FileLock(tmp_path / "copies" / ".lock"),
        pytest.raises(PrepareError, match="another call is preparing there; wait for it, or end it"),
    ):
        run(data, tmp_path / "copies")


def test_impossible_wishes_are_refused(data, tmp_path):
    run(data, tmp_path / "copies")
    with pytest.raises(ValueError, match=r"lies in .*, where the copies go; choose another folder"):
        run(load_videos("prepared", tmp_path / "copies", "train"), tmp_path / "copies")
    with pytest.raises(ValueError, match="parameter on_error: unknown 'replace'; choose from: raise, skip"):
        run(data, tmp_path / "more", on_error="replace")
    for wrong, message in (({"short_side": 255}, "even number"), ({"gop": 0}, "at least 1"), ({"crf": 0}, "between 1")):
        with pytest.raises(ValueError, match=message):
            Recipe(**wrong)
    (tmp_path / "copies" / "journal.jsonl").write_text("{}\n")
    with pytest.raises(PrepareError, match=r"journal.jsonl, line 1: the line is damaged .*; delete the line"):
        run(data, tmp_path / "copies")
    (tmp_path / "copies" / "recipe.json").write_text("{")
    with pytest.raises(PrepareError, match=r"recipe.json is damaged .*; delete the folder and prepare anew"):
        run(data, tmp_path / "copies")


MEMBER = """
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    if job["do"] == "hang":
        time.sleep(600)
    if job["do"] == "die" or (job["do"] == "die once" and not os.path.exists(job["mark"])):
        open(job.get("mark", os.devnull), "w").close()
        os.kill(os.getpid(), 9)
    print(json.dumps({"did": job["do"]}), flush=True)
"""


@pytest.mark.slow
def test_each_job_has_an_outcome_whatever_becomes_of_its_worker(tmp_path, monkeypatch):
    (tmp_path / "member.py").write_text(MEMBER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    jobs = [{"do": str(i)} for i in range(5)]
    jobs[1:1] = [{"do": "die"}, {"do": "hang"}, {"do": "die once", "mark": str(tmp_path / "mark")}]
    outcomes = {job["do"]: outcome for job, outcome in do_jobs("member", jobs, 2, timeout=1.0)}
    assert outcomes == {
        **{name: {"did": name} for name in ("0", "1", "2", "3", "4", "die once")},
        "die": {"error": "the process that read it ended with signal 9, 2 times"},
        "hang": {"error": "it took longer than 1 s, and was ended"},
    }
