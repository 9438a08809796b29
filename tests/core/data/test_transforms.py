"""Clip views: shapes, where the crops lie, and randomness that comes from the generator alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as F

from text4vis_core.data.transforms import (
    CROPS,
    LIGHT_AUGMENTATION,
    PUBLISHED_AUGMENTATION,
    Augmentation,
    _random_crop,
    evaluation_views,
    finish,
    to_clip,
    training_crop,
)

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
        (10, 21, 1, [(0, 6)]),  # 5.5, rounded as torchvision's CenterCrop does
        (10, 20, 3, [(0, 0), (0, 4), (0, 8)]),  # (20 - 10) // 4 is 2
        (20, 10, 3, [(4, 0), (4, 0), (4, 0)]),  # side by side in tall frames too
        (10, 10, 3, [(0, 0), (0, 0), (0, 0)]),
        (10, 22, 3, [(0, 0), (0, 6), (0, 12)]),
        (10, 20, 5, [(0, 0), (0, 8), (0, 0), (0, 8), (0, 4)]),
    ],
)
def test_where_the_crops_lie(height, width, crops, expected):
    assert [corner(view) for view in evaluation_views(ramp(height, width), 10, crops=crops)] == expected


def test_five_crops_of_a_frame_larger_than_the_crop():
    views = evaluation_views(ramp(12, 12), 8, resize=12, crops=5)
    assert [corner(view) for view in views] == [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]


@settings(max_examples=30)
@given(st.integers(8, 60), st.integers(8, 60), st.integers(8, 24))
def test_crops_reach_the_frames_end_up_to_three_pixels(height, width, size):
    clip = ramp(height, width)[:1]
    short = min(height, width)
    views = evaluation_views(clip, min(size, short), short, 5)
    rows, columns = zip(*map(corner, views), strict=True)
    for offsets, length in ((rows, height), (columns, width)):
        room = length - views.shape[-1]
        first, last, middle = offsets[0], offsets[3], offsets[4]
        assert first == 0
        assert 0 <= room - last <= 3
        assert middle == last / 2


def test_ten_crops_are_five_and_their_mirror_images():
    clip = ramp(12, 17)
    ten, five = evaluation_views(clip, 8, 12, 10), evaluation_views(clip, 8, 12, 5)
    assert torch.equal(ten[:5], five)
    assert torch.equal(ten[5:], five.flip(-1))


def test_unknown_number_of_crops_names_the_choices():
    with pytest.raises(ValueError, match="crops is 2; choose one of 1, 3, 5, 10"):
        evaluation_views(ramp(10, 10), 8, crops=2)


def training_view(clip, size, rng, augmentation=LIGHT_AUGMENTATION, resize=None) -> torch.Tensor:
    """One random view of a clip, the same for all its frames: uint8 (T, 3, S, S)."""
    view, row = training_crop(clip, size, rng, augmentation, resize)
    return finish(view[None], row[None])[0]


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
        plain = training_view(clip, 16, np.random.default_rng(seed), Augmentation(**never))
        mirrored = training_view(clip, 16, np.random.default_rng(seed), Augmentation(**{**always, "grayscale": 0.0}))
        grey = training_view(clip, 16, np.random.default_rng(seed), Augmentation(**{**always, "flip": 0.0}))
        assert torch.equal(mirrored, plain.flip(-1))
        assert torch.equal(grey[:, 0], grey[:, 1])
        assert not torch.equal(plain[:, 0], plain[:, 1])


def test_crop_is_never_larger_than_the_frame():
    view = training_view(ramp(9, 40), 8, np.random.default_rng(0), Augmentation(scale=(1.0, 1.0)), resize=12)
    assert view.shape == (2, 3, 8, 8)


# A picture with edges and colours, so that every operation shows: frames of one clip are alike.
PICTURE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(6, 0).repeat(6, 1)
STILL = {"scale": (1.0, 1.0), "flip": 0.0, "grayscale": 0.0}


def picture_clip(frames: int = 3) -> torch.Tensor:
    return to_clip(np.stack([PICTURE] * frames))


def views_of(clip: torch.Tensor, count: int = 6, **options) -> list[torch.Tensor]:
    return [training_view(clip, 24, np.random.default_rng(seed), Augmentation(**options)) for seed in range(count)]


@pytest.mark.parametrize("option", [{"randaugment": (2, 9)}, {"blur": 1.0}, {"solarize": 1.0}])
def test_an_option_changes_all_frames_alike_and_is_a_function_of_its_generator(option):
    clip = picture_clip()
    plain, views = views_of(clip, **STILL), views_of(clip, **STILL, **option)
    assert sum(not torch.equal(view, other) for view, other in zip(views, plain, strict=True)) >= 4
    assert all(torch.equal(view[0], frame) for view in views for frame in view)
    assert all(view.dtype == torch.uint8 and view.shape == (3, 3, 24, 24) for view in views)
    torch.rand(5)  # the global generator's state has no say
    assert all(torch.equal(*pair) for pair in zip(views, views_of(clip, **STILL, **option), strict=True))


def test_randaugment_leaves_the_global_generator_as_it_was():
    before = torch.random.get_rng_state()
    views = views_of(picture_clip(), **STILL, randaugment=(2, 9))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len({view.numpy().tobytes() for view in views}) >= 4  # and draws anew for each clip


def test_a_larger_magnitude_changes_more():
    clip = picture_clip(1)
    plain = views_of(clip, 20, **STILL)
    small, large = (
        sum(
            (view.float() - other.float()).abs().mean()
            for view, other in zip(views_of(clip, 20, **STILL, randaugment=(1, magnitude)), plain, strict=True)
        )
        for magnitude in (2, 25)
    )
    assert large > 1.5 * small


def test_options_are_off_by_default():
    clip = picture_clip()
    off = {"randaugment": (0, 9), "blur": 0.0, "solarize": 0.0, "interpolation": "bicubic"}
    assert all(torch.equal(*pair) for pair in zip(views_of(clip), views_of(clip, **off), strict=True))


def in_one_go(clip, size, rng, flip, grayscale, blur, solarize):
    """A training view as it was before it was cut into a worker's part and a device's: values must not move."""
    top, left, height, width = _random_crop(*clip.shape[-2:], (0.5, 1.0), 1, rng)
    clip = F.resized_crop(clip, top, left, height, width, [size, size], F.InterpolationMode.BICUBIC, antialias=True)
    if rng.random() < flip:
        clip = clip.flip(-1)
    if rng.random() < grayscale:
        clip = F.rgb_to_grayscale(clip, num_output_channels=3)
    if rng.random() < blur:
        sigma = rng.uniform(0.1, 2.0)
        clip = F.gaussian_blur(clip, [2 * math.ceil(3 * sigma) + 1] * 2, [sigma, sigma])
    if rng.random() < solarize:
        clip = F.solarize(clip, 128)
    return clip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 4))
def test_a_view_is_finished_as_if_it_were_made_in_one_go(seed, chances):
    clip, options = picture_clip(), dict(zip(("flip", "grayscale", "blur", "solarize"), chances, strict=True))
    expected = in_one_go(clip, 24, np.random.default_rng(seed), **options)
    assert torch.equal(training_view(clip, 24, np.random.default_rng(seed), Augmentation(**options)), expected)


def test_a_batch_is_finished_clip_by_clip():
    options = {"flip": 0.5, "grayscale": 0.5, "blur": 0.5, "solarize": 0.5}
    parts = [
        training_crop(picture_clip(), 24, np.random.default_rng(seed), Augmentation(**options)) for seed in range(12)
    ]
    frames, rows = map(torch.stack, zip(*parts, strict=True))
    before, views = frames.clone(), views_of(picture_clip(), 12, **options)
    assert torch.equal(finish(frames, rows), torch.stack(views))
    assert torch.equal(frames, before)
    assert len({tuple(map(bool, row)) for row in rows.tolist()}) > 6  # many of the sixteen combinations


def test_solarisation_inverts_what_is_bright():
    [plain], [solarized] = (views_of(picture_clip(), 1, **STILL, solarize=p) for p in (0.0, 1.0))
    assert torch.equal(solarized, torch.where(plain < 128, plain, 255 - plain))


def test_blur_smooths_and_keeps_the_mean():
    [plain], [blurred] = (views_of(picture_clip(), 1, **STILL, blur=p) for p in (0.0, 1.0))
    steps = [view.float().diff(dim=-1).abs().mean() for view in (plain, blurred)]
    assert steps[1] < 0.9 * steps[0]
    assert (plain.float().mean() - blurred.float().mean()).abs() < 6


def test_interpolation_of_the_random_crop():
    square = picture_clip(1)[..., :36, :36]
    bicubic, bilinear = (views_of(square, 1, **STILL, interpolation=name)[0] for name in ("bicubic", "bilinear"))
    top, left, height, width = _random_crop(36, 36, STILL["scale"], 1, np.random.default_rng(0))
    crop = square[..., top : top + height, left : left + width].float()
    expected = torch.nn.functional.interpolate(crop, 24, mode="bilinear", antialias=True)
    assert (bilinear.float() - expected).abs().max() <= 1
    assert (bicubic.float() - expected).abs().max() > 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"interpolation": "nearest"}, "interpolation is 'nearest'; choose from: bicubic, bilinear"),
        ({"randaugment": (-1, 9)}, r"randaugment is \(-1, 9\); expected"),
        ({"randaugment": (2, 31)}, r"randaugment is \(2, 31\); expected .* magnitude of 0 to 30"),
    ],
)
def test_impossible_options(wrong, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)


def test_the_published_crop_covers_8_to_100_percent_of_the_area_at_an_aspect_of_three_to_four():
    clip, shares, ratios = ramp(192, 255, 1), [], []
    for seed in range(200):
        augmentation = replace(PUBLISHED_AUGMENTATION, flip=0.0, grayscale=0.0)
        view = training_view(clip, 64, np.random.default_rng(seed), augmentation)[0].float()
        # A ramp's colours tell how much of the frame the view shows: 49 of its 64 columns, away from the borders.
        width, height = (view[0, 32, 56] - view[0, 32, 7]) * 64 / 49, (view[1, 56, 32] - view[1, 7, 32]) * 64 / 49
        shares.append(float(width * height) / (192 * 255))
        ratios.append(float(width / height))
    assert 0.06 < min(shares) < 0.15 and 0.85 < max(shares) < 1.05
    assert 0.70 < min(ratios) < 0.85 and 1.2 < max(ratios) < 1.43
    assert 0.35 < np.mean(shares) < 0.6


@pytest.mark.parametrize("attempts", [1, 10])
def test_a_crop_that_never_fits_is_cut_to_the_frame(attempts):
    view = training_view(ramp(20, 60), 20, np.random.default_rng(0), Augmentation(**STILL, attempts=attempts))
    assert (view[0, 1, :, 0] == torch.arange(20)).all()  # every row, unscaled
    columns = view[0, 0, 0].float().diff().mean()  # the area of 1,200 pixels has 30 to 40 columns
    assert 1.4 < columns < 2.1


def test_more_attempts_find_crops_that_fit_and_are_smaller():
    def covered(attempts):
        crops = (_random_crop(40, 40, (0.5, 1.0), attempts, np.random.default_rng(seed)) for seed in range(300))
        return np.mean([height * width for _, _, height, width in crops])

    assert covered(10) < 0.97 * covered(1)
