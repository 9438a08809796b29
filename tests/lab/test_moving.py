"""Videos that play on a page: what a loop holds, and what a page gets."""

import base64
import io
import re

import av
import numpy as np
import pytest
from PIL import Image

from text4vis_core.data.reading import VideoError
from text4vis_lab.encoding import write_h264
from text4vis_lab.moving import clip, encoded, gallery, smaller


@pytest.fixture
def frames() -> np.ndarray:
    """A bright square that moves to the right over a dark ground: uint8 (12, 60, 80, 3)."""
    made = np.full((12, 60, 80, 3), 30, np.uint8)
    for number, frame in enumerate(made):
        frame[20:36, 4 + 5 * number : 20 + 5 * number] = (240, 200, 40)
    return made


def pictures(file: bytes) -> tuple[list[np.ndarray], float]:
    with av.open(io.BytesIO(file)) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return found, float(container.duration / 1e6)


def test_a_loop_shows_the_frames_lasts_as_long_as_asked_and_is_the_same_each_time(frames):
    file, still, size = encoded(frames, seconds=1.5)
    found, lasts = pictures(file)
    assert (len(found), lasts, size) == (12, pytest.approx(1.5, abs=0.02), (80, 60))
    assert all(np.abs(one.astype(int) - frame).mean() < 12 for one, frame in zip(found, frames, strict=True))
    assert np.abs(np.asarray(Image.open(io.BytesIO(still))).astype(int) - frames[6]).mean() < 12
    assert encoded(frames, seconds=1.5) == (file, still, size)
    assert b"x264" not in file  # its settings would be a sixth of the file
    assert len(pictures(encoded(frames, seconds=0.5)[0])[0]) == 4
    assert len(pictures(encoded(frames[:1])[0])[0]) == 1


def test_of_a_file_the_middle_is_shown_at_its_own_speed(tmp_path, frames):
    path = tmp_path / "long.mp4"
    dark = [np.zeros_like(frames)] * 3
    write_h264(path, np.concatenate([*dark, *[frames + 10] * 4, *dark]), 16, {})
    found, lasts = pictures(encoded(path, seconds=1.0)[0])
    assert (len(found), lasts) == (8, pytest.approx(1.0, abs=0.02))
    assert min(picture.mean() for picture in found) > 30
    short, lasts = pictures(encoded(path, seconds=60)[0])
    assert lasts < 60
    assert short[0].mean() < 5 < 30 < short[len(short) // 2].mean()


def test_a_folder_of_frames_is_shown_too(tmp_path, frames):
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number:03}.png")
    found, _ = pictures(encoded(tmp_path)[0])
    assert len(found) == 5  # of 12 frames at 25 a second
    with pytest.raises(VideoError, match="no such file"):
        clip(tmp_path / "missing.mp4", "nothing")


def test_large_frames_are_scaled_to_an_area_and_sides_are_even():
    assert smaller(np.zeros((2, 1920, 1080, 3), np.uint8), 160).shape == (2, 184, 104, 3)
    assert smaller(np.zeros((2, 120, 160, 3), np.uint8), 160).shape == (2, 120, 160, 3)
    assert smaller(np.zeros((1, 33, 41, 3), np.uint8), 160).shape == (1, 32, 40, 3)


def test_a_page_gets_a_loop_that_a_keyboard_reaches_and_words_for_who_does_not_see_it(frames):
    made = clip(frames, 'a "square" <moves>')
    page = made._repr_html_()
    assert repr(made) == 'a "square" <moves>'
    assert '<button type="button"' in page and 'aria-label="a &quot;square&quot; &lt;moves&gt;"' in page
    for word in ("loop", "muted", "playsinline", 'preload="none"', "poster=", "prefers-reduced-motion"):
        assert word in page
    assert "autoplay" not in page and "http" not in page
    source = re.search(r'src="data:video/mp4;base64,([^"]+)"', page)
    assert source and base64.b64decode(source[1]) == encoded(frames)[0]


def test_a_gallery_has_a_caption_under_each_and_one_script(frames):
    made = gallery([(frames, "a <b>"), (frames[::-1], "back", "the square goes back")], "two squares")
    page = made._repr_html_()
    assert repr(made) == "two squares: a <b>, back"
    assert page.count("<figure>") == 2 and page.count("<script>") == page.count("<style>") == 1
    assert "<figcaption>a &lt;b&gt;</figcaption>" in page and 'aria-label="the square goes back"' in page
    assert 'role="group" aria-label="two squares"' in page
