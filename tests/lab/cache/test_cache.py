"""Embeddings are read instead of made again, and never when anything that they depend on is another."""

import os
import pickle
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from text4vis_core import TrainingConfig, VideoClassifier, VideoError, load_clip
from text4vis_core.data import video
from text4vis_core.data.reading import Reading
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.cache import _dependencies as dependencies
from text4vis_lab.cache.__main__ import _main
from text4vis_lab.cache.cache import cached_class_embeddings, entries, entry_path, read_entry, write_entry
from text4vis_lab.cell import Cell
from text4vis_lab.experiment import train_and_test
from text4vis_lab.frame_store import FrameStore
from text4vis_lab.processes import Processes
from text4vis_lab.sources import Clips, Source
from text4vis_lab.tournament.methods import Method


@pytest.fixture
def clips(tmp_path) -> Clips:
    return Clips(num_frames=2, cache=str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["caf\udce9.avi", "two\nlines.avi", "日本.avi"])
def test_a_file_of_any_name_is_found_again(model, videos, clips, opened, name):
    path = videos.videos[0].path
    videos = replace(videos, videos=(replace(videos.videos[0], path=path.rename(path.with_name(name))),))
    first = clips.embed(model, videos)
    opened.clear()
    assert same(clips.embed(model, videos), first)
    assert opened == []


@pytest.fixture
def videos(test_videos, tmp_path) -> VideoList:
    """Two videos and a folder of frames, which a test may change."""
    chosen = []
    for each in test_videos.videos[:2]:
        path = tmp_path / each.path.name
        shutil.copyfile(each.path, path)
        chosen.append(replace(each, path=path))
    (tmp_path / "frames").mkdir()
    for i in range(3):
        Image.new("RGB", (40, 32), (40 * i, 90, 0)).save(tmp_path / "frames" / f"{i}.png")
    chosen.append(Video(tmp_path / "frames", 2, duration=1.0))
    return replace(test_videos, videos=tuple(chosen))


@pytest.fixture
def opened(monkeypatch) -> list[Path]:
    """Every video that is opened from now on."""
    paths, real = [], video.open_video

    def counting(path, *how):
        paths.append(Path(path))
        return real(path, *how)

    monkeypatch.setattr(video, "open_video", counting)
    return paths


def files(clips: Clips, kind: str = "videos") -> list[Path]:
    return sorted(Path(clips.cache).glob(f"{kind}-*"))


def same(one, other) -> bool:
    tensors = [(one.views, other.views), (one.labels, other.labels), (one.indices, other.indices)]
    return all(torch.equal(*pair) for pair in [*tensors, (one.truth, other.truth)]) and one.skipped == other.skipped


def test_what_is_kept_is_what_was_made_and_nothing_is_decoded(model, videos, clips, opened):
    made = Clips(num_frames=2).embed(model, videos, (2, 3))
    first = clips.embed(model, videos, (2, 3))
    assert len(opened) == 2 * len(videos)
    again = clips.embed(model.train(), videos, (2, 3))
    assert len(opened) == 2 * len(videos)
    assert same(first, made) and same(again, made)
    assert len(files(clips)) == 1
    assert not model.training
    again.views.zero_()  # of the memory, not of the file
    assert same(clips.embed(model, videos, (2, 3)), made)


def test_how_long_reading_may_take_decodes_nothing(model, videos, clips, opened):
    clips.embed(model, videos)
    opened.clear()
    replace(clips, store=FrameStore(reading=Reading(max_seconds=5.0))).embed(model, videos)
    assert opened == []


def test_prompts_classifiers_and_labels_decode_nothing(clip, videos, clips, opened):
    source = Source(clip=clip, cache=clips.cache)
    first = clips.embed(source.build(), videos)
    opened.clear()
    for template in ("{}", "a photo of a {}."):
        rows = replace(source, template=template).embed_classes(videos)
        assert torch.equal(clips.embed(source.build().set_classifier(rows, frozen=False), videos).views, first.views)
    relabelled = tuple(replace(video, label=0, labels=(0, 2)) for video in videos.videos)
    several = clips.embed(source.build(), VideoList(("x", "y", "z"), relabelled))
    assert several.labels.tolist() == [0, 0, 0]
    assert several.targets.tolist() == [[1, 0, 1]] * 3
    assert torch.equal(several.views, first.views)
    replace(clips, on_error="skip", num_workers=1, timeout=5.0).embed(source.build(), videos, progress="reading")
    assert opened == []
    assert len(files(clips)) == 1


def change(name: str, model: VideoClassifier, videos: VideoList, clips: Clips, monkeypatch):
    """One thing that embeddings depend on is another."""
    path = videos.videos[0].path
    match name:
        case "weight":
            with torch.no_grad():
                next(model.visual.parameters())[0, 0, 0] += 1e-6
        case "statistics":
            next(module for module in model.visual.modules() if hasattr(module, "running_var")).running_var[1] *= 1.01
        case "pixels":
            model.mean[0] += 0.01
        case "memory format":
            model.memory_format = torch.contiguous_format
        case "epsilon":
            next(module for module in model.visual.modules() if hasattr(module, "running_var")).eps *= 2
        case "hook":
            model.visual.register_forward_hook(torch.nn.functional.normalize)
        case "temporal":
            model.temporal = torch.nn.Identity()
        case "frames" | "dense" | "resize" | "processes":
            values = {"frames": {"num_frames": 3}, "dense": {"dense": True}, "resize": {"resize": 34}}
            return videos, replace(clips, **values.get(name, {"processes": Processes(2)}))
        case "decoder" | "strict" | "pixels of a frame":
            reading = {"decoder": {"decoder": "decord"}, "strict": {"strict": True}}.get(name, {"max_pixels": 10_000})
            return videos, replace(clips, store=FrameStore(reading=Reading(**reading)))
        case "content":
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)
        case "content, times set back":
            before = path.stat()
            path.write_bytes(path.read_bytes()[::-1])
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert path.stat().st_mtime_ns == before.st_mtime_ns
        case "frame":
            frame = videos.videos[2].path / "1.png"
            frame.write_bytes(frame.read_bytes())
        case "new frame":
            shutil.copyfile(videos.videos[2].path / "1.png", videos.videos[2].path / "9.png")
        case "part":
            return replace(videos, videos=(replace(videos.videos[0], end=0.2), *videos.videos[1:])), clips
        case "order":
            return replace(videos, videos=videos.videos[::-1]), clips
        case "version":
            monkeypatch.setattr(dependencies, "package_version", lambda distribution: "0")
        case "precision":
            monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
        case "threads":
            monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
        case "code":
            monkeypatch.setattr(dependencies, "file_digest", lambda file: file.name * 2)
            monkeypatch.setattr(dependencies, "_LOADED", {file: file.name * 2 for file in dependencies._LOADED})
    return videos, clips


CHANGES = ["weight", "statistics", "pixels", "memory format", "epsilon", "hook", "temporal", "frames", "dense"]
CHANGES += ["resize", "processes", "content", "content, times set back", "frame", "new frame", "part", "order"]
CHANGES += ["decoder", "strict", "pixels of a frame"]
CHANGES += ["version", "precision", "threads", "code"]


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_is_noticed(model, videos, clips, monkeypatch, name):
    from text4vis_core.evaluation.embedding import EmbeddedVideos
    from text4vis_lab import sources

    made = []

    def embed(model, dataset, *_, **__):
        made.append(len(made))
        count = len(dataset.videos)
        return EmbeddedVideos(torch.full((count, 1, 16), float(len(made))), torch.zeros(count), torch.arange(count))

    monkeypatch.setattr(sources, "embed_videos", embed)
    monkeypatch.setattr(Processes, "run", lambda self, function, *args, **kwargs: function(*args, **kwargs))
    clips.embed(model, videos)
    clips.embed(model, videos)
    assert made == [0]
    videos, clips = change(name, model, videos, clips, monkeypatch)
    assert (clips.embed(model, videos).views == 2).all()
    assert (clips.embed(model, videos).views == 2).all()
    assert len(made) == len(files(clips)) == 2


@pytest.mark.slow
def test_another_process_finds_the_same_entry(clip, clip_folder, model, videos, clips):
    clips.embed(model, videos)
    Source(clip=clip, cache=clips.cache).embed_classes(videos)
    before = {path: path.stat().st_mtime_ns for path in Path(clips.cache).iterdir()}
    program = f"""
import pickle, sys, torch
from text4vis_core import load_clip
from text4vis_core.data import video
from text4vis_lab.processes import Processes
from text4vis_lab.sources import Clips, Source

def open_video(path):
    raise AssertionError(path)

torch.set_num_threads(1)
video.open_video = open_video
source = Source(clip=load_clip({str(clip_folder)!r}), cache={clips.cache!r})
videos = pickle.load(sys.stdin.buffer)
source.embed_classes(videos)
Clips(num_frames=2, cache={clips.cache!r}).embed(source.build(), videos)
"""
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(videos), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert {path: path.stat().st_mtime_ns for path in Path(clips.cache).iterdir()} == before


def test_views_are_entries_of_their_own(model, videos, clips):
    shapes = [clips.embed(model, videos, views).views.shape[1] for views in ((1, 1), (2, 1), (1, 3), (2, 3), (1, 1))]
    assert shapes == [1, 2, 3, 6, 1]
    assert len(files(clips)) == 4


def test_another_head_is_another_model(clip, videos, clips):
    for temporal, seed in (("mean", 0), ("mean", 1), ("transformer", 0), ("transformer", 1), ("tsm", 0)):
        model = VideoClassifier.from_clip(clip, temporal, num_frames=2, seed=seed)
        assert torch.equal(clips.embed(model, videos).views, Clips(num_frames=2).embed(model, videos).views)
    assert len(files(clips)) == 4  # a mean has nothing that a seed would draw


@pytest.fixture(scope="module")
def entry(tmp_path_factory) -> Path:
    path = entry_path(tmp_path_factory.mktemp("cache"), "videos", {"x": 1})
    layout = {"indices": (torch.int64, [2]), "views": (torch.float32, [2, 1, 3])}
    parts = [torch.arange(2), torch.ones(1, 1, 3), 2 * torch.ones(1, 1, 3)]
    write_entry(path, layout, parts, {"about": "two", "skipped": "[]"})
    return path


def test_an_entry_is_what_was_written_in_parts(entry):
    tensors, texts = read_entry(entry)
    assert tensors["indices"].tolist() == [0, 1]
    assert tensors["views"].tolist() == [[[1, 1, 1]], [[2, 2, 2]]]
    assert (texts["about"], texts["name"]) == ("two", entry.name)


@given(st.data())
def test_every_damage_is_noticed(entry, tmp_path_factory, data):
    content = bytearray(entry.read_bytes())
    damaged = tmp_path_factory.mktemp("damaged") / entry.name
    place = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["bit", "end", "start", "more"])):
        case "bit":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        case "end":
            del content[place:]
        case "start":
            del content[: place + 1]
        case "more":
            content[place:place] = b"\0"
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match="checksum is wrong"):
        read_entry(damaged)


def test_another_entry_under_this_name_is_noticed(entry, tmp_path):
    other = entry_path(tmp_path, "videos", {"x": 2})
    shutil.copyfile(entry, other)
    with pytest.raises(ValueError, match=f"it is {entry.name} by its header"):
        read_entry(other)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 4096, None])
def test_a_damaged_entry_is_said_in_a_line_and_made_anew(model, videos, clips, content):
    made = clips.embed(model, videos)
    [path] = files(clips)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7] if content is None else content)
    with pytest.warns(UserWarning, match=rf"{path} is made anew: its checksum is wrong") as said:
        assert same(clips.embed(model, videos), made)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_stops_nothing(model, clip, videos, clips, tmp_path):
    made = Clips(num_frames=2).embed(model, videos)
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="the cache is not written, and the work goes on without it: .*cache") as said:
        assert same(clips.embed(model, videos), made)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    with pytest.warns(UserWarning, match="the cache is not written"):
        rows = cached_class_embeddings(clips.cache, clip, ["jumping"])
    assert torch.equal(rows, clip.class_embeddings(["jumping"]))


def test_a_full_disk_stops_nothing_and_leaves_nothing(model, videos, clips):
    made = Clips(num_frames=2).embed(model, videos)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limit[1]))
    try:
        with pytest.warns(UserWarning, match="the cache is not written, and the work goes on without it") as said:
            embedded = clips.embed(model, videos)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert same(embedded, made)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    assert list(Path(clips.cache).iterdir()) == []


def test_many_at_once_write_and_read_the_same_entry(tmp_path):
    path = entry_path(tmp_path, "videos", {})
    rows = torch.randn(20000, 4, generator=torch.Generator().manual_seed(0))

    def write(_):
        write_entry(path, {"views": (torch.float32, rows.shape)}, [rows], {"about": ""})
        return torch.equal(read_entry(path)[0]["views"], rows)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(40)))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_videos_left_out_are_part_of_an_entry_and_tried_again(model, videos, clips, opened):
    videos.videos[1].path.write_bytes(b"no video")
    clips = replace(clips, on_error="skip")
    made = clips.embed(model, videos)
    assert made.indices.tolist() == [0, 2] and len(made.skipped) == 1
    opened.clear()
    assert same(clips.embed(model, videos), made)
    assert opened == [videos.videos[1].path]
    with pytest.raises(VideoError, match=videos.videos[1].path.name):
        replace(clips, on_error="raise").embed(model, videos)


def test_a_repaired_video_is_not_hidden(model, videos, clips, monkeypatch):
    whole = Clips(num_frames=2).embed(model, videos)
    path, clips = videos.videos[1].path, replace(clips, on_error="skip")
    real = video.open_video
    with monkeypatch.context() as patch:  # out of reach for a while; the file stays what it is

        def unreachable(asked, *how):
            if asked == path:
                raise VideoError(asked, "connection timed out")
            return real(asked, *how)

        patch.setattr(video, "open_video", unreachable)
        assert clips.embed(model, videos).indices.tolist() == [0, 2]
    assert same(clips.embed(model, videos), whole)
    assert len(files(clips)) == 1
    content = path.read_bytes()
    path.unlink()
    assert clips.embed(model, videos).indices.tolist() == [0, 2]
    path.write_bytes(content)
    assert same(clips.embed(model, videos), whole)


def test_a_video_that_changes_meanwhile_is_not_kept(model, videos, clips, monkeypatch):
    real = video.open_video

    def changing(path, *how):
        reader = real(path, *how)
        if path == videos.videos[0].path:
            write_video(path, 8, shift=9)
        return reader

    monkeypatch.setattr(video, "open_video", changing)
    clips.embed(model, videos)
    assert not Path(clips.cache).exists()


class OwnHead(torch.nn.Module):
    """As in a notebook: nobody sees when its code changes."""

    def forward(self, frames):
        return frames.amax(1)


def test_code_that_cannot_be_seen_is_not_cached(model, videos, clips):
    model.temporal = OwnHead()
    with pytest.warns(UserWarning, match=r"not cached: the code of test_cache\.OwnHead, in the model's temporal, is"):
        embedded = clips.embed(model, videos)
    assert same(embedded, Clips(num_frames=2).embed(model, videos))
    assert not Path(clips.cache).exists()


def test_code_that_was_changed_since_it_was_loaded_is_not_cached(model, videos, clips, monkeypatch):
    file = dependencies.ROOTS["text4vis_core"] / "data" / "sampling.py"
    monkeypatch.setitem(dependencies._LOADED, file, "another")
    with pytest.warns(UserWarning, match=r"not cached: sampling\.py was changed after it was loaded; restart Python"):
        clips.embed(model, videos)
    assert not Path(clips.cache).exists()


def test_the_code_that_numbers_depend_on():
    found = {
        file.name
        for file in dependencies.sources_of(
            ["text4vis_core.evaluation.embedding", "text4vis_core.model.video_classifier"]
        ).values()
    }
    needed = {"video.py", "sampling.py", "transforms.py", "datasets.py", "temporal.py"}
    needed |= {"video_classifier.py", "embedding.py"}
    assert needed <= found
    assert not found & {"style.py", "accuracy.py", "readers.py", "records.py", "loop.py", "experiment.py"}


def test_imports_are_followed_in_every_form(tmp_path, monkeypatch):
    forms = {"one": "from .two import x", "two": "from . import three", "three": "def f():\n    import pkg.four"}
    forms |= {"four": "from pkg.sub.five import y", "sub/five": "from ..six import z", "six": "", "seven": ""}
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    for name, text in forms.items():
        (tmp_path / "pkg" / f"{name}.py").write_text(text)
    monkeypatch.setattr(dependencies, "ROOTS", {"pkg": tmp_path / "pkg"})
    found = {file.stem for file in dependencies.sources_of(["pkg.one"]).values()}
    assert found == {"one", "two", "three", "four", "five", "six"}


def test_the_text_tower_runs_once_per_set_of_prompts(clip, clip_folder, tmp_path, monkeypatch):
    ran, real = [], type(clip.model).encode_text

    def counting(model, tokens, *args, **kwargs):
        ran.append(len(tokens))
        return real(model, tokens, *args, **kwargs)

    monkeypatch.setattr(type(clip.model), "encode_text", counting)
    names, cache = ["jumping", "reading"], tmp_path / "cache"
    rows = clip.class_embeddings(names)
    assert torch.equal(cached_class_embeddings(cache, clip, names), rows)
    fresh = load_clip(str(clip_folder))  # as another notebook has it
    with torch.no_grad():
        next(fresh.model.visual.parameters()).mul_(2)
    assert torch.equal(cached_class_embeddings(cache, fresh, names), rows)
    assert len(ran) == 2
    cached_class_embeddings(cache, clip, names, "{}")
    cached_class_embeddings(cache, clip, names[::-1])
    cached_class_embeddings(cache, replace(clip, tokenizer=lambda texts: clip.tokenizer(texts) // 2), names)
    with torch.no_grad():
        fresh.model.token_embedding.weight.mul_(1.5)
    assert not torch.equal(cached_class_embeddings(cache, fresh, names), rows)
    assert len(ran) == 6
    assert {entry.path.name[:8] for entry in entries(cache)} == {"classes-"}
    with pytest.raises(ValueError, match="no class names were given"):
        cached_class_embeddings(cache, clip, [])


def test_what_training_gives_is_not_kept(clip, train_videos, test_videos, clips, tmp_path):
    recipe = TrainingConfig(epochs=1, batch_size=4, warmup_epochs=0)
    source, tests = Source(clip=clip, cache=clips.cache), {"test": test_videos}
    cell = Cell(Method("lda, frozen", "lda"), train_videos, tests, recipe, every_epoch="test")
    train_and_test(cell, source, clips, tmp_path / "run")
    assert len(files(clips)) == 1  # the features that the rows are made of
    train_and_test(replace(cell, fine_tune=False), source, clips, tmp_path / "run")
    assert len(files(clips)) == 2
    clips.embed(source.build(), test_videos, cache=False)
    assert len(files(clips)) == 2


def test_the_cache_is_listed_and_cleared(clip, model, videos, clips, capsys, entry):
    folder = Path(clips.cache)
    _main([str(folder)])
    assert capsys.readouterr().out == f"       0.0 MB in 0 files of {folder}\n"
    clips.embed(model, videos)
    cached_class_embeddings(folder, clip, ["jumping", "reading"])
    others = [folder / "notes.txt", folder / "videos-of-mine.safetensors", folder / "classes.csv"]
    for path in others:
        path.write_text("not the cache's")
    left = folder / f".{entry.name}.1-0a.tmp"
    left.write_bytes(bytes(2_000_000))
    (folder / f"videos-{'0' * 32}.safetensors").write_bytes(b"")
    _main([str(folder)])
    out = capsys.readouterr().out
    assert f"3 videos x 1 views x 16 dimensions, mean; the first: {videos.videos[0].path}" in out
    assert f"2 class embeddings of {clip.source}: 'a video of a person jumping.'" in out
    assert "2.0 MB" in out and "of a process that is writing it, or was ended" in out
    assert "damaged" in out and "in 4 files" in out
    assert len(list(folder.iterdir())) == 7
    _main([str(folder), "--clear"])
    assert "removed: 2.0 MB" in capsys.readouterr().out
    assert sorted(folder.iterdir()) == sorted(others)
    assert np.all([path.read_text() == "not the cache's" for path in others])
