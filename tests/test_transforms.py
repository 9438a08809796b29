"""Clip views: shapes, where the crops lie, and randomness that comes from the generator alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from text4vis_core.transforms import CROPS, evaluation_views, to_clip, training_view

sides = st.integers(8, 40)


def ramp(height: int, width: int, frames: int = 2) -> torch.Tensor:
    """A clip whose red is the column and whose green is the row."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x, y, np.full_like(x, 9)], -1).astype(np.uint8)
    return to_clip(np.stack([picture] * frames))


def corner(view: torch.Tensor) -> tuple[int, int]:
    """Row and column of a view of `ramp`, (T, 3, S, S)."""
    return int(view[0, 1, 0, 0]), int(view[0, 0, 0, 0])


def test_to_clip_puts_channels_first():
    clip = ramp(4, 6, 3)
    assert (clip.shape, clip.dtype) == ((3, 3, 4, 6), torch.uint8)
    assert clip[0, :, 1, 5].tolist() == [5, 1, 9]


@settings(max_examples=30)
@given(sides, sides, st.sampled_from(CROPS), st.integers(8, 24), st.integers(0, 8))
def test_evaluation_views_have_the_shape_asked_for(height, width, crops, size, more):
    views = evaluation_views(ramp(height, width), size, size + more, crops)
    assert (views.shape, views.dtype) == ((crops, 2, 3, size, size), torch.uint8)


def test_short_side_is_scaled_to_the_size():
    view = evaluation_views(ramp(20, 20), 10)[0]
    assert abs(int(view[0, 0, 0, -1]) - 19) <= 1  # the whole width is still there
    assert int(view[0, 0, 0, 0]) <= 1


@pytest.mark.parametrize(
    ("height", "width", "crops", "expected"),
    [
        (10, 20, 1, [(0, 5)]),
        (10, 20, 3, [(0, 0), (0, 5), (0, 10)]),
        (20, 10, 3, [(0, 0), (5, 0), (10, 0)]),
        (10, 20, 5, [(0, 0), (0, 10), (0, 0), (0, 10), (0, 5)]),
    ],
)
def test_where_the_crops_lie(height, width, crops, expected):
    assert [corner(view) for view in evaluation_views(ramp(height, width), 10, crops=crops)] == expected


def test_five_crops_of_a_frame_larger_than_the_crop():
    views = evaluation_views(ramp(12, 12), 8, resize=12, crops=5)
    assert [corner(view) for view in views] == [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]


def test_ten_crops_are_five_and_their_mirror_images():
    clip = ramp(12, 17)
    ten, five = evaluation_views(clip, 8, 12, 10), evaluation_views(clip, 8, 12, 5)
    assert torch.equal(ten[:5], five)
    assert torch.equal(ten[5:], five.flip(-1))


def test_unknown_number_of_crops_names_the_choices():
    with pytest.raises(ValueError, match="crops is 2; choose one of 1, 3, 5, 10"):
        evaluation_views(ramp(10, 10), 8, crops=2)


def test_resize_smaller_than_the_crop():
    with pytest.raises(ValueError, match="resize is 6, smaller than the crop of 8"):
        evaluation_views(ramp(10, 10), 8, resize=6)


@settings(max_examples=30)
@given(sides, sides, st.integers(8, 24), st.integers(0, 2**32 - 1))
def test_training_view_depends_on_its_generator_alone(height, width, size, seed):
    clip = ramp(height, width)
    first, second = (training_view(clip, size, np.random.default_rng(seed)) for _ in range(2))
    assert (first.shape, first.dtype) == ((2, 3, size, size), torch.uint8)
    assert torch.equal(first, second)


def test_training_views_differ_and_all_frames_share_one():
    clip = ramp(30, 40, frames=3)
    views = [training_view(clip, 16, np.random.default_rng(seed)) for seed in range(8)]
    assert len({view.numpy().tobytes() for view in views}) == 8
    assert all(torch.equal(view[0], frame) for view in views for frame in view)


def test_mirror_and_grey_are_probabilities():
    clip = ramp(16, 16)
    always = {"scale": (1.0, 1.0), "flip": 1.0, "grayscale": 1.0}
    never = {"scale": (1.0, 1.0), "flip": 0.0, "grayscale": 0.0}
    for seed in range(5):
        plain = training_view(clip, 16, np.random.default_rng(seed), **never)
        mirrored = training_view(clip, 16, np.random.default_rng(seed), **{**always, "grayscale": 0.0})
        grey = training_view(clip, 16, np.random.default_rng(seed), **{**always, "flip": 0.0})
        assert torch.equal(mirrored, plain.flip(-1))
        assert torch.equal(grey[:, 0], grey[:, 1])
        assert not torch.equal(plain[:, 0], plain[:, 1])


def test_crop_is_never_larger_than_the_frame():
    view = training_view(ramp(9, 40), 8, np.random.default_rng(0), resize=12, scale=(1.0, 1.0))
    assert view.shape == (2, 3, 8, 8)
