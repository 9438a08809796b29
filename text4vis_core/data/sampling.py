"""Which frames of a video become a clip: the published segment (TSN) and dense sampling. No I/O."""

import numpy as np

DENSE_WINDOW = 128  # frames spanned by a dense clip, in the published sampling


def evaluation_indices(video_length: int, num_frames: int, num_clips: int = 1, dense: bool = False) -> np.ndarray:
    """Frame indices of the evaluation clips of one video, clip after clip.

    Segment sampling (Text4Vis section 4.1, after TSN) takes the first frame of each of `num_frames` equal segments;
    further clips start later, evenly, by up to a segment less one frame. Dense sampling takes frames that are
    `128 // num_frames` apart; clips start evenly over the video, and a video shorter than the window wraps around.

    Args:
        video_length: frames in the video, at least 1; fewer than `num_frames` is fine, frames then repeat.
        num_frames: frames in a clip.
        num_clips: clips of the video.
        dense: dense instead of segment sampling.

    Returns:
        int64 array (num_clips * num_frames,), 0-based. A ValueError when a count is less than 1.
    """
    _check(video_length=video_length, num_frames=num_frames, num_clips=num_clips)
    if dense:
        stride = max(1, DENSE_WINDOW // num_frames)
        room = max(0, video_length - DENSE_WINDOW)
        step = room // (num_clips - 1) if num_clips > 1 else 0
        starts = step * np.arange(num_clips)
        return ((starts[:, None] + stride * np.arange(num_frames)) % video_length).reshape(-1)
    tick = video_length / num_frames
    starts = np.linspace(0, tick - 1, num=num_clips, dtype=int) if num_clips > 1 else np.zeros(1, dtype=int)
    # Truncation towards zero, then the remainder: a video shorter than the clip starts its later clips before 0.
    return ((starts[:, None] + tick * np.arange(num_frames)).astype(np.int64) % video_length).reshape(-1)


def training_indices(video_length: int, num_frames: int, rng: np.random.Generator, dense: bool = False) -> np.ndarray:
    """Frame indices of one random training clip.

    Segment sampling draws one frame in each of `num_frames` equal segments; a video of at most `num_frames` frames
    gives all its frames and random repeats, in order. Dense sampling draws the start of a 128-frame window.

    Arguments and errors are those of `evaluation_indices`; `rng` is where the randomness comes from.

    Returns:
        int64 array (num_frames,), 0-based; in increasing order unless a dense window wraps around.
    """
    _check(video_length=video_length, num_frames=num_frames)
    if dense:
        stride = max(1, DENSE_WINDOW // num_frames)
        start = rng.integers(max(1, 1 + video_length - DENSE_WINDOW))
        return (start + stride * np.arange(num_frames)) % video_length
    if video_length <= num_frames:
        repeats = rng.integers(video_length, size=num_frames - video_length)
        return np.sort(np.concatenate([np.arange(video_length), repeats]))
    edges = np.arange(num_frames + 1) * video_length // num_frames
    return rng.integers(edges[:-1], edges[1:])


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
