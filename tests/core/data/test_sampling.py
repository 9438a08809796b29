"""Which frames: the published implementation's, and what must hold for any video."""

import json

import numpy as np
import pytest
from conftest import REFERENCE
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core.data.sampling import evaluation_indices, training_indices

ROWS = json.loads((REFERENCE / "frame_sampling.json").read_text())
LENGTHS = range(1, 401)
CLIP_LENGTHS = (1, 8, 16, 32)
lengths, frames, clips, seeds = st.integers(1, 2000), st.integers(1, 64), st.integers(1, 12), st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['num_segments']} of {row['num_frames']}")
def test_evaluation_is_the_published_sampling(row):
    length, segments = row["num_frames"], row["num_segments"]
    assert evaluation_indices(length, segments).tolist() == row["single_view"]
    assert evaluation_indices(length, segments, 4).tolist() == row["uniform_4_clips"]
    assert evaluation_indices(length, segments, 4, dense=True).tolist() == row["dense_4_clips"]


def test_reference_holds_videos_shorter_than_the_clip():
    assert any(row["num_frames"] < row["num_segments"] for row in ROWS)


def test_dense_clips_start_evenly_in_what_a_window_of_128_frames_leaves():
    views = evaluation_indices(300, 12, 4, dense=True).reshape(4, 12)
    assert views[:, 0].tolist() == [0, 57, 114, 171]  # (300 - 128) // 3 apart, though 12 does not divide 128
    assert (np.diff(views, axis=1) == 10).all()


@given(lengths, frames, clips, st.booleans())
def test_evaluation_stays_in_the_video(length, num_frames, num_clips, dense):
    indices = evaluation_indices(length, num_frames, num_clips, dense)
    assert indices.shape == (num_clips * num_frames,)
    assert indices.dtype == np.int64
    assert 0 <= indices.min() <= indices.max() < length


@given(lengths, frames)
def test_evaluation_takes_the_first_frame_of_each_segment(length, num_frames):
    indices = evaluation_indices(length, num_frames)
    edges = [length * segment // num_frames for segment in range(num_frames)]
    assert np.abs(indices - edges).max() <= 1  # the published arithmetic rounds in floating point
    assert (np.diff(indices) >= 0).all()
    assert indices[0] == 0


@given(lengths, frames, clips)
def test_clips_differ_while_the_segments_are_long_enough(length, num_frames, num_clips):
    views = evaluation_indices(length, num_frames, num_clips).reshape(num_clips, num_frames)
    if length // num_frames >= num_clips:
        assert len(np.unique(views, axis=0)) == num_clips
        assert (np.diff(views, axis=1) > 0).all()


@given(lengths, frames, seeds)
def test_training_draws_one_frame_of_each_segment(length, num_frames, seed):
    indices = training_indices(length, num_frames, np.random.default_rng(seed))
    assert indices.shape == (num_frames,)
    assert (np.diff(indices) >= 0).all()
    if length > num_frames:
        edges = [length * segment // num_frames for segment in range(num_frames + 1)]
        assert all(low <= index < high for low, index, high in zip(edges, indices, edges[1:], strict=False))
    else:
        assert set(indices) == set(range(length))


@given(lengths, frames, seeds)
def test_dense_training_is_a_window_of_evenly_spaced_frames(length, num_frames, seed):
    indices = training_indices(length, num_frames, np.random.default_rng(seed), dense=True)
    stride = 128 // num_frames
    assert indices.shape == (num_frames,)
    assert 0 <= indices.min() <= indices.max() < length
    assert set(np.diff(indices) % length) <= {stride % length}
    if length >= stride * num_frames:
        assert (np.diff(indices) == stride).all()


@given(lengths, frames, seeds, st.booleans())
def test_training_is_a_function_of_its_generator(length, num_frames, seed, dense):
    first, second = (training_indices(length, num_frames, np.random.default_rng(seed), dense) for _ in range(2))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("num_frames", CLIP_LENGTHS)
def test_training_for_all_lengths(num_frames):
    """In order and in the video; one frame of each segment; a short video gives all its frames, then repeats."""
    rng = np.random.default_rng(0)
    for length in LENGTHS:
        edges = np.array([length * segment // num_frames for segment in range(num_frames + 1)])
        for indices in (training_indices(length, num_frames, rng) for _ in range(3)):
            assert indices.shape == (num_frames,) and indices.dtype == np.int64
            assert (np.diff(indices) >= 0).all()
            if length > num_frames:
                assert (edges[:-1] <= indices).all() and (indices < edges[1:]).all()
            else:
                assert np.unique(indices).tolist() == list(range(length))
        dense = training_indices(length, num_frames, rng, dense=True)
        stride = 128 // num_frames
        assert dense.tolist() == [(dense[0] + stride * i) % length for i in range(num_frames)]
        assert dense[0] <= max(0, length - 128)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("num_frames", CLIP_LENGTHS)
def test_evaluation_for_all_lengths(num_frames, dense):
    """In the video; the first clip is the single view; segments are equal; dense clips span 128 frames, or wrap."""
    for length in LENGTHS:
        single = evaluation_indices(length, num_frames, dense=dense)
        views = evaluation_indices(length, num_frames, 4, dense).reshape(4, num_frames)
        assert single.shape == (num_frames,) and single.dtype == views.dtype == np.int64
        assert views[0].tolist() == single.tolist()
        assert views.min() >= 0 and views.max() < length
        stride = 128 // num_frames if dense else 0
        if dense:
            assert all(view.tolist() == [(view[0] + stride * i) % length for i in range(num_frames)] for view in views)
            starts = views[:, 0]
            assert (np.diff(starts) == max(0, length - 128) // 3).all()
        elif length >= num_frames:
            edges = [length * segment / num_frames for segment in range(num_frames + 1)]
            inside = (np.floor(edges[:-1]) <= views) & (views < np.ceil(edges[1:]))
            assert inside.all()


def test_training_reaches_every_frame():
    rng = np.random.default_rng(0)
    drawn = np.concatenate([training_indices(20, 8, rng) for _ in range(400)])
    assert set(drawn) == set(range(20))


def test_dense_training_starts_anywhere_in_the_room_before_the_window():
    rng = np.random.default_rng(0)
    starts = {int(training_indices(140, 8, rng, dense=True)[0]) for _ in range(400)}
    assert starts == set(range(140 - 128 + 1))


@pytest.mark.parametrize("counts", [(0, 8, 1), (10, 0, 1), (10, 8, 0)])
def test_counts_below_one(counts):
    length, num_frames, num_clips = counts
    with pytest.raises(ValueError, match="is 0; it must be at least 1"):
        evaluation_indices(length, num_frames, num_clips)
    if num_clips:
        with pytest.raises(ValueError, match="is 0; it must be at least 1"):
            training_indices(length, num_frames, np.random.default_rng(0))
