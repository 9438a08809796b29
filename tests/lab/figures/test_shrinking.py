import numpy as np
import pytest

from text4vis_lab.figures import pictures
from text4vis_lab.figures.shrinking import SHOWN, all_shrunk, shrunk


@pytest.mark.parametrize(
    ("shape", "size"), [((2160, 3840), (180, 320)), ((3840, 2160), (320, 180)), ((9000, 2), (320, 1))]
)
def test_a_large_frame_becomes_as_large_as_a_figure_shows_it(shape, size):
    frame = np.full((*shape, 3), (10, 120, 230), np.uint8)
    small = shrunk(frame)
    assert small.shape == (*size, 3)
    assert (small == (10, 120, 230)).all()


def test_a_small_frame_stays_as_it_is():
    frame = np.zeros((96, 128, 3), np.uint8)
    assert shrunk(frame) is frame
    assert [each.shape for each in all_shrunk(np.zeros((2, SHOWN, 4, 3), np.uint8))] == [(SHOWN, 4, 3)] * 2


def test_the_halves_of_a_picture_stay_where_they_are():
    frame = np.zeros((1000, 2000, 3), np.uint8)
    frame[:, 1000:] = 255
    assert shrunk(frame)[:, :150].max() == 0 and shrunk(frame)[:, 170:].min() == 255


def test_no_figure_draws_a_phones_frames_in_full():
    frames = np.zeros((3, 1080, 1920, 3), np.uint8)
    figures = pictures.frame_strips({"clip": frames}, frames=3), pictures.picture_grid(list(frames), ["a", "b", "c"])
    drawn = [image.get_array().shape for figure in figures for ax in figure.axes for image in ax.images]
    assert drawn == [(180, 960, 3)] + [(180, 320, 3)] * 3
