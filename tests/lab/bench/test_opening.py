"""What it costs to open a long film, in the small: how it is made, what is measured of it, and what is left out."""

import shutil
from collections import namedtuple

import av
import numpy as np
import pytest

from text4vis_core.data.video import open_video
from text4vis_lab.bench import clips, fresh, opening

SIZE, CLIP, TIMES = (48, 64), 30, 8


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A clip in each form."""
    folder = tmp_path_factory.mktemp("films")
    for suffix in opening.CLIPS:
        opening.write_clip(folder / f"clip.{suffix}", list(clips.draw_frames(0, SIZE, CLIP)))
    return folder


@pytest.mark.parametrize("name", opening.CONTAINERS)
def test_a_film_is_the_clip_again_and_again(written, tmp_path, name):
    suffix, source = opening.CONTAINERS[name]
    clip, film = written / f"clip.{source}", tmp_path / f"film.{suffix}"
    opening.repeat_clip(clip, film, TIMES)
    short, long = open_video(clip), open_video(film)
    assert (len(short), len(long), long.fps) == (CLIP, TIMES * CLIP, opening.FPS)
    np.testing.assert_allclose(long.seconds, np.arange(len(long)) / opening.FPS, atol=0.002)
    wanted = np.array([0, 29, 30, 59, 100, 239])
    np.testing.assert_array_equal(long.decode(wanted), short.decode(wanted % CLIP))


def test_h264_has_b_frames(written):
    with av.open(str(written / "clip.mp4")) as container:
        assert any(packet.pts != packet.dts for packet in container.demux() if packet.size)


@pytest.mark.parametrize("decoder", [opening.OURS, *opening.PEERS])
def test_a_process_measures_a_decoder(written, tmp_path, decoder):
    if decoder == "torchcodec":
        pytest.importorskip("torchcodec")
    clip, film = written / "clip.mp4", tmp_path / "film.mp4"
    opening.repeat_clip(clip, film, TIMES)
    found = opening.measure(str(clip), str(film), TIMES, decoder)
    assert found["open"] > 0 and found["decode"] > 0 and found["memory"] >= 0
    if "read" in found:
        assert film.stat().st_size < 1e6 * found["read"] < 3 * film.stat().st_size  # a small one is gone through
    with pytest.raises(RuntimeError, match=rf"{decoder} finds 240 frames in .*film.mp4, which has 270"):
        opening.measure(str(clip), str(film), TIMES + 1, decoder)


def test_frames_that_are_others_are_an_error_and_no_yardstick(written, tmp_path, monkeypatch):
    film = tmp_path / "film.mp4"
    opening.repeat_clip(written / "clip.mp4", film, TIMES)
    reads, decode = opening.reader(opening.OURS)
    late = lambda video, indices: decode(video, indices - (len(video) > CLIP) * (indices > 0))  # noqa: E731
    monkeypatch.setattr(opening, "reader", lambda decoder: (reads, late))
    asked = str(written / "clip.mp4"), str(film), TIMES
    assert "decode" not in opening.measure(*asked, "decord")
    with pytest.raises(RuntimeError, match=r"film\.mp4: other frames are decoded than were asked for"):
        opening.measure(*asked, opening.OURS)


def answers(module, function, clip, film, times, decoder, timeout):
    """In the place of a fresh process: decord fails with one film, and gives other frames of another."""
    assert (module, function, times, timeout) == ("opening", "measure", TIMES, answers.patience[decoder])
    if decoder == opening.OURS:
        return {"open": 1.0, "decode": 0.5, "memory": 40.0, "read": 13.0}
    if film.endswith(".ts"):
        raise RuntimeError("measure took longer than 10 s")
    right = {} if film.endswith(".mkv") else {"decode": 0.25}
    return {"open": 2.0, "memory": 400.0, "read": 500.0} | right


answers.patience = {opening.OURS: None} | dict.fromkeys(opening.PEERS, opening.PATIENCE)


def test_every_container_is_measured_and_its_film_deleted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fresh, "call_fresh", answers)
    monkeypatch.setattr(opening, "find_spec", {"decord": True}.get)
    measured = opening.opening_quantities(tmp_path, TIMES * CLIP - 1, 2, SIZE, CLIP)
    found = {quantity.name: quantity for quantity in measured}
    assert {path.stem for path in tmp_path.iterdir()} == {"clip"}
    for name in opening.CONTAINERS:
        assert found[f"opening, {name}"].values == (1, 1)
        kept = [found[f"{what}, {name}"] for what in ("memory of opening", "read by opening", "8 frames")]
        assert [(each.limit, each.met) for each in kept] == [(50, True), (12, False), (1, True)]
        beside = {each for each in found if "decord" in each and name in each.split(" / ")[0].split(", ")}
        assert (f"opening, {name} / decord" in beside) == (name != "TS")
        assert (f"8 frames, {name} / decord" in beside) == (name not in ("TS", "MKV"))
        assert all(found[each].limit is None for each in beside)
    assert found["opening, AVI / decord"].values == (0.5, 0.5)
    assert found["8 frames, AVI / decord"].values == (2, 2)
    said = capsys.readouterr().out
    assert said.count("Not measured") == 2
    assert "Not measured: TS by decord (measure took longer than 10 s)." in said
    assert "Not measured: 8 frames of MKV by decord, which gives other frames." in said


def test_a_peer_that_is_installed_is_measured_too(tmp_path, monkeypatch):
    monkeypatch.setattr(fresh, "call_fresh", answers)
    monkeypatch.setattr(opening, "find_spec", dict.fromkeys(opening.PEERS, True).get)
    names = [quantity.name for quantity in opening.opening_quantities(tmp_path, TIMES * CLIP - 1, 1, SIZE, CLIP)]
    for peer in opening.PEERS:
        assert f"opening, AVI / {peer}" in names and f"{peer}, 8 frames, AVI" in names


def test_what_fails_of_this_project_is_an_error(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("measure ended with status 1")

    monkeypatch.setattr(fresh, "call_fresh", fail)
    with pytest.raises(RuntimeError, match="ended with status 1"):
        opening.opening_quantities(tmp_path, CLIP, 1, SIZE, CLIP)
    assert not list(tmp_path.glob("film.*"))


def test_where_space_is_scarce_a_line_says_so_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: namedtuple("Usage", "free")(5_000_000))
    assert opening.opening_quantities(tmp_path, 108_000, 1, SIZE, CLIP) == []
    assert not list(tmp_path.glob("film.*"))
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" takes ")[0] for line in said] == [f"Not measured: a film as {n}" for n in opening.CONTAINERS]
    assert said[0].endswith("has 0.005 GB left.")


def test_a_process_that_comes_to_no_end_is_ended():
    with pytest.raises(RuntimeError, match=r"waiting took longer than 0\.01 s"):
        fresh._fresh("waiting", "-c", "while True: pass", timeout=0.01)
