"""Videos that are cut, hang, or are suddenly not there."""

import os
import shutil
from functools import partial

import pytest

from . import work

pytestmark = pytest.mark.slow

NAME = "v_HulaHoop_g02_c01.avi"


@pytest.fixture
def video(videos):
    """One of the training videos."""
    return videos / "videos" / "HulaHoop" / NAME


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


TROUBLES = {
    "is cut": (cut, "no decoder can open it", {}),
    "hangs": (work.hang, "decoding took longer than 2 s, and was ended", {"num_workers": 1, "timeout": 2.0}),
    "is gone": (os.remove, "no such file or folder", {}),
}


@pytest.fixture(params=TROUBLES)
def trouble(request):
    return TROUBLES[request.param]


def test_a_video_that_fails_during_the_run_is_named_and_the_run_goes_on_when_it_is_back(
    calls, videos, video, tmp_path, continues, trouble
):
    happens, reason, options = trouble
    folder, aside = tmp_path / "run", shutil.copy2(video, tmp_path)
    outcome = calls.run(work.train, videos, folder, trouble={3: partial(happens, video)}, **options)
    assert outcome.error.startswith(f"VideoError: cannot read video {video}: {reason}")
    assert work.steps_kept(folder) >= 3
    shutil.copy2(aside, video)
    continues(folder, videos)


def test_a_video_that_fails_is_left_out_and_listed_where_that_is_asked_for(
    calls, videos, video, tmp_path, expected, trouble
):
    happens, reason, options = trouble
    outcome = calls.run(
        work.train, videos, tmp_path / "run", on_error="skip", trouble={3: partial(happens, video)}, **options
    )
    [(path, why)] = outcome.value["skipped"]
    assert path == str(video) and why.startswith(f"cannot read video {video}: {reason}")
    assert outcome.value["steps"] == work.STEPS
    assert outcome.value["history"][0] == expected["history"][0]
    assert outcome.value["history"][1] != expected["history"][1]


def test_a_run_that_begins_without_one_of_its_videos(calls, videos, video, tmp_path, continues):
    folder, aside = tmp_path / "run", shutil.copy2(video, tmp_path)
    calls.run(work.train, videos, folder, trouble={5: work.die})
    video.unlink()
    outcome = calls.run(work.train, videos, folder)
    assert outcome.error.startswith("AnnotationError: ") and NAME in outcome.error
    shutil.copy2(aside, video)
    continues(folder, videos)


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_network_folder_that_is_gone_stops_the_run_whatever_is_left_out(calls, videos, tmp_path, on_error):
    whole = calls.run(work.train, videos, tmp_path / "whole", on_error=on_error).value
    folder, gone = tmp_path / "run", partial(os.rename, videos / "videos", videos / "away")
    outcome = calls.run(work.train, videos, folder, on_error=on_error, trouble={3: gone})
    named = "ValueError: none of the 6 videos could be decoded; the first: " if on_error == "skip" else "VideoError: "
    assert outcome.error.startswith(f"{named}cannot read video {videos}/videos/")
    assert outcome.error.endswith(": no such file or folder")
    (videos / "away").rename(videos / "videos")
    assert work.steps_kept(folder) == 2
    assert calls.run(work.train, videos, folder, on_error=on_error).value == whole | {"steps": work.STEPS - 2}
