"""The page of conformance: what a verdict is, and the forms in which videos are stored."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import CannotMake
from cases.case import ranges, refused, seen, spoiled
from cases.films import Film, by_ffmpeg
from cases.pattern import numbers_of, picture
from conftest import ROOT

from text4vis_core.data.video import decode_frames, open_video
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab import conformance, stored_as
from text4vis_lab.conformance import CONCEALED, NOT_MADE, REFUSED, RIGHT, WRONG, by_kind, conform, judge
from text4vis_lab.scores import Scores

FILM = Film(12, gop=6)
SOUND = seen("film.mp4", FILM, seconds={(0.25, 0.5): range(6, 12)})


def verdict(case, folder, *given):
    return judge(case, case.made_in(folder), *given)


def test_what_is_asked_is_right(tmp_path):
    assert verdict(SOUND, tmp_path) == (RIGHT, "12 frames (0–11) of 160 × 120")
    assert SOUND.asked == "12 frames (0–11) of 160 × 120; 0.25 to 0.5 s: 6–11"


@pytest.mark.parametrize(
    "other",
    [
        {"numbers": range(1, 13)},
        {"numbers": range(11)},
        {"size": (160, 120)},
        {"turn": "180"},
        {"seconds": {(0.25, 0.5): range(5, 11)}},
        {"numbers": (), "error": "cut off"},
    ],
)
def test_anything_else_is_wrong(tmp_path, other):
    assert verdict(replace(SOUND, **other), tmp_path)[0] == WRONG


def test_an_error_is_right_where_it_says_what_is_asked(tmp_path):
    case = refused("empty.mp4", lambda path: path.write_bytes(b""), "EMPTY")
    assert verdict(case, tmp_path) == (RIGHT, "error: the file is empty (0 bytes)")
    assert verdict(replace(case, error="cut off"), tmp_path)[0] == WRONG
    assert verdict(replace(case, error="cut off"), tmp_path, "decord")[0] == REFUSED
    assert verdict(replace(case, numbers=range(12), error=""), tmp_path)[0] == WRONG
    assert verdict(replace(case, numbers=range(12), error=""), tmp_path, "decord")[0] == REFUSED


def test_of_a_spoiled_file_nine_tenths_in_order_are_right(tmp_path):
    film = Film([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
    assert verdict(spoiled("a.mp4", film, 12), tmp_path)[0] == RIGHT
    assert verdict(spoiled("b.mp4", Film([0, 1, 2, 5, 6, 7, 8, 9, 10, 11]), 12), tmp_path)[0] == WRONG
    assert verdict(spoiled("c.mp4", Film([1, 0, *range(2, 12)]), 12), tmp_path)[0] == WRONG
    # What FFmpeg shows of it by itself is the same.
    assert verdict(spoiled("c.mp4", Film([1, 0, *range(2, 12)]), 12, concealed=True), tmp_path)[0] == CONCEALED


def test_an_exception_that_is_none_of_the_readers_is_wrong(tmp_path, monkeypatch):
    def fails(*_):
        raise KeyError("x")

    monkeypatch.setattr(conformance, "open_video", fails)
    assert verdict(SOUND, tmp_path) == (WRONG, "KeyError: 'x'")


def test_a_table_has_a_row_for_each_case_and_decoder(tmp_path, monkeypatch):
    monkeypatch.setattr("cases.films.FFMPEG", None)
    relative = seen("12:30 x.mp4", FILM, relative=True)
    cases = [SOUND, relative, seen("none.ogv", by_ffmpeg(FILM))]
    cases = [replace(case, kind="films", name=f"films/{case.name}") for case in cases]
    here = os.getcwd()
    table = conform(cases, tmp_path, ("pyav", "decord"))
    assert os.getcwd() == here
    assert table["case"].tolist() == [name for name in ("film.mp4", "12:30 x.mp4", "none.ogv") for _ in range(2)]
    assert table["verdict"].tolist() == [RIGHT] * 4 + [NOT_MADE] * 2
    assert table["given"].tolist()[-1] == "it takes the program ffmpeg"
    assert by_kind(table).to_dict("index") == {
        "films": {
            (decoder, name): count for decoder in ("pyav", "decord") for name, count in ((RIGHT, 2), (NOT_MADE, 1))
        }
    }
    with pytest.raises(CannotMake):
        cases[-1].made_in(tmp_path)


def test_the_cases_are_found_from_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    assert len(conformance.load().CASES) > 250


def test_numbers_are_told_in_ranges():
    assert ranges([0, 1, 2, 5, 7, 8]) == "0–2, 5, 7–8"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    paths = [folder / f"{number}.mp4" for number in range(2)]
    for number, path in enumerate(paths):
        Film(range(20 * number, 20 * number + 12), rate=16)(path)
    return VideoList(("first", "second"), tuple(Video(path, label) for label, path in enumerate(paths)))


@pytest.mark.parametrize("name", stored_as.FORMS)
def test_a_form_holds_the_same_frames_the_same_way_up(films, tmp_path, name):
    form = stored_as.FORMS[name]
    stored = stored_as.store(films, [name], tmp_path)[name]
    assert (stored.classes, stored.labels.tolist()) == (films.classes, [0, 1])
    for number, video in enumerate(stored.videos):
        assert video.path.suffix == form.suffix
        opened = open_video(video.path)
        frames = decode_frames(opened, video.path, np.arange(len(opened)))
        assert numbers_of(frames) == list(range(20 * number, 20 * number + 12))
        wanted = np.stack([picture(20 * number + each) for each in range(12)])
        assert np.abs(frames.astype(float) - wanted).mean() < 6
        assert (video.path.read_bytes().find(stored_as.LATIN_1) >= 0) == form.latin


def test_forms_are_compared_video_by_video():
    def scores(*right):
        rows = torch.tensor([[1.0, 0.0] if each else [0.0, 1.0] for each in right])
        return Scores([str(i) for i in range(len(right))], torch.zeros(len(right), dtype=torch.int64), rows)

    parts = {"plain": scores(1, 1, 1, 0), "anew": scores(1, 1, 0, 0), "other": scores(1, 1, 0, 0)}
    table = stored_as.compared(parts, "kinetics400")
    assert table["top-1 (%)"].tolist() == [75.0, 50.0, 50.0]
    assert table["from 'plain'"].tolist() == [0.0, -25.0, -25.0]
    assert table["from 'anew'"].tolist() == [25.0, 0.0, 0.0]
    half = table["high, 'plain'"].iloc[1] + 25
    assert half == pytest.approx(79.6, abs=3)  # t of 3 degrees of freedom, times 25
    assert table["low, 'plain'"].iloc[1] == pytest.approx(-25 - half)
    assert table["low, 'anew'"].tolist()[1:] == [0.0, 0.0]
