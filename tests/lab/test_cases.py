"""Video files as people have them, and what they show: read by both decoders, checked, and copied."""

import importlib.util
import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from cases import CASES, CannotMake
from cases.films import FFMPEG
from cases.pattern import TURNS, number_of, numbers_of, orientation, picture, turned, turned_back
from conftest import ROOT

from text4vis_core.data.video import Reading, VideoError, open_video, read_frames
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.conformance import CONCEALED, REFUSED, RIGHT, judge
from text4vis_lab.datacheck import check_data
from text4vis_lab.plain import readable
from text4vis_lab.prepare import Recipe
from text4vis_lab.prepare.copying import make_copy

SHARED = ROOT.parent / "shared" / "cases"
NAMES = [readable(case.name) for case in CASES]
MARKED = [
    pytest.param(case, id=name, marks=pytest.mark.slow if case.slow else ())
    for case, name in zip(CASES, NAMES, strict=True)
]
SOUND = [each for each, case in zip(MARKED, CASES, strict=True) if not case.error]
# Of every kind, the cases that are copied in each run; a copy takes longer than everything else.
COPIED = [
    each
    for each, case in zip(MARKED, CASES, strict=True)
    if [c.name for c in CASES if c.kind == case.kind].index(case.name) < 5
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where cases are made, each once."""
    return tmp_path_factory.mktemp("cases")


@pytest.fixture
def path(case, folder):
    try:
        return case.made_in(folder)
    except CannotMake as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("case", MARKED)
def test_a_file_is_read_as_it_is_meant(case, path):
    verdict, given = judge(case, path)
    assert verdict == RIGHT or (case.concealed and verdict == CONCEALED), f"asked {case.asked}, given {given}"


@pytest.mark.parametrize("case", MARKED)
def test_decord_reads_the_same_or_refuses_by_name(case, path):
    pytest.importorskip("decord")
    verdict, given = judge(case, path, "decord")
    assert verdict in (RIGHT, REFUSED) or (case.concealed and verdict == CONCEALED), (
        f"asked {case.asked}, given {given}"
    )


@pytest.mark.parametrize("case", SOUND)
def test_a_large_file_is_read_as_a_small_one(case, path, monkeypatch):
    monkeypatch.setattr("text4vis_core.data.probe.SCANNED", 0)
    verdict, given = judge(case, path)
    assert verdict == RIGHT, f"asked {case.asked}, given {given}"


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_file_is_sound_to_the_strict_reader(case, path):
    verdict, given = judge(case, path, strict=True)
    assert verdict == RIGHT, f"asked {case.asked}, given {given}"


@pytest.mark.parametrize("case", MARKED)
def test_the_data_check_finds_what_is_wrong_and_nothing_else(case, path):
    if case.reading or case.relative:
        pytest.skip("it is read under limits or a name of its own")
    listed = VideoList(("films",), (Video(path, 0),))
    problems = {each.kind: each.reason for each in check_data({"test": listed}, 8, 1, progress=False).problems}
    few = {"too short"} if len(case.numbers) < 8 else set()
    assert problems.keys() <= {"unreadable", "missing"} | few
    if not case.error:
        assert problems.keys() <= few, problems
    elif not case.numbers:
        assert problems.keys() & {"unreadable", "missing"}


@pytest.mark.parametrize("case", COPIED)
def test_a_copy_shows_the_same_at_the_same_times(case, path, tmp_path):
    if case.reading or case.relative:
        pytest.skip("it is read under limits or a name of its own")
    even = tuple(2 * round(side / 2) for side in case.size)
    try:
        row = make_copy(path, tmp_path, Recipe())
    except VideoError as error:
        assert case.error and re.search(case.error, str(error), re.IGNORECASE), str(error)
        return
    verdict, given = judge(replace(case, size=even), tmp_path / row["copy"])
    assert verdict == RIGHT, f"asked {case.asked}, given {given}"


TOLD_BY_FFMPEG = [
    each
    for each, case in zip(MARKED, CASES, strict=True)
    if not case.error
    and ("turned" in case.name or "mirrored" in case.name or "ackets" in case.kind or "cut" in case.name)
]


@pytest.mark.skipif(not FFMPEG, reason="it takes the program ffmpeg")
@pytest.mark.parametrize("case", TOLD_BY_FFMPEG)
def test_ffmpeg_itself_shows_what_is_asked(case, path):
    """A full decode by the program, which turns pictures as they are to be shown: nearly the same values."""
    height, width = case.size
    command = [FFMPEG, "-nostdin", "-v", "quiet", "-i", f"file:{path}", "-map", "0:v:0", "-fps_mode", "passthrough"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    assert numbers_of(frames, case.turn) == list(case.numbers)
    ours = read_frames(path, np.arange)
    assert np.abs(ours.astype(int) - frames).mean() < 2


def test_there_are_three_cases_of_each_kind_and_no_two_of_a_name():
    assert len({case.name for case in CASES}) == len(CASES)
    kinds = [case.kind for case in CASES]
    assert min(kinds.count(kind) for kind in kinds) >= 3


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("size", [(120, 160), (121, 161), (16, 16)])
def test_a_picture_says_its_number_and_how_it_is_turned(turn, size):
    for number in (0, 77, 128, 255):
        seen = turned(picture(number, *size), turn)
        assert (orientation(seen), number_of(turned_back(seen, turn))) == (turn, number)
        assert orientation(seen[..., ::-1]) == "?"
    assert orientation(np.full((120, 160, 3), 128, np.uint8)) == "?"


@pytest.fixture(scope="module")
def shared():
    """Files that lie beside the project on some machines: (folder, what they show, how it is read)."""
    if not (SHARED / "truth.json").exists():
        pytest.skip(f"there is no {SHARED}")
    spec = importlib.util.spec_from_file_location("shared_pattern", SHARED / "pattern.py")
    pattern = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pattern)
    return SHARED / "videos", json.loads((SHARED / "truth.json").read_text()), pattern


REFUSED_THERE = {"audio_with_cover.mp4": "cover", "bad_middle.mp4": "frame"}


@pytest.mark.parametrize(
    "name",
    [
        "audio_with_cover.mp4",
        "avchd.MTS",
        "bad_middle.mp4",
        "camera.wmv",
        "h264_opengop_cut.mkv",
        "latin1_cut_copy.mp4",
        "latin1_xvid_bframes.avi",
        "mpeg2_cut.mpg",
        "plain.mp4",
        "rot270.MOV",
        "rot90.mp4",
        "vfr.mp4",
        "webrtc_turned.webm",
    ],
)
@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_files_that_were_made_elsewhere(shared, name, decoder):  # fmt: skip
    folder, truth, pattern = shared
    facts, reading = truth[name], Reading(decoder=decoder)
    if name in REFUSED_THERE:
        with pytest.raises(VideoError, match=REFUSED_THERE[name] if decoder == "pyav" else ""):
            read_frames(folder / name, np.arange, reading=reading)
        return
    try:
        frames = read_frames(folder / name, np.arange, reading=reading)
    except VideoError as error:
        assert decoder == "decord" and "decord" in str(error)
        return
    assert frames.shape == (facts["frames"], facts["height"], facts["width"], 3)
    assert {pattern.orientation(frame) for frame in frames} == {facts["corners"]}
    upright = np.rot90(frames, {"upright": 0, "cw90": 1, "cw270": 3}[facts["corners"]], axes=(1, 2))
    numbers = [pattern.number_of(frame) for frame in upright]
    first = 0 if facts["last"] is None else facts["first"]
    assert numbers == list(range(first, first + len(frames)))


@pytest.mark.parametrize(("part", "first", "stop"), [((6, 8), 80, 90), ((3, 4), 65, 70), ((None, 1), 0, 30)])
def test_seconds_of_a_file_of_variable_rate_that_was_made_elsewhere(shared, part, first, stop):
    assert open_video(shared[0] / "vfr.mp4").part(*part) == (first, stop)
