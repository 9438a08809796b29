"""Puppets, a small generated world of action videos, laid out on disk like UCF101.

Videos are "footage": shaded puppets in textured places, seen by a drifting, noisy camera. Everything is a function of
its seed.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from text4vis_core.files import replacing

from ..encoding import write_h264
from ._common import PERSON_HEIGHT, each, fit, look_up, stand_at
from .actions import ACTIONS, Action
from .drawing import PLACES, Camera, Disc, Shape, camera, footage_background, paint_footage
from .skeleton import random_actor, with_vigour

FRAMES_PER_SECOND = 16
SUPERSAMPLING = 2
NOISE = (2.0, 9.0)  # the sensor's standard deviation, in grey levels
# g: a key frame every 4 frames halves the time of reading a few frames of a clip, for a fifth more bytes;
# without mbtree=0, libx264 wrote other bytes for the same frames now and then, on a machine with AVX-512
ENCODING = {"crf": "20", "preset": "veryfast", "threads": "1", "g": "4", "mbtree": "0"}


def _schedule(action: Action, rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """The action's time at each frame: cycles of a periodic action, progress 0..1 (or 1..0) of a time-ordered one."""
    clock = np.linspace(0, 1, num_frames)
    if not action.time_ordered:
        return rng.uniform(0, 2) + clock * rng.uniform(*action.cycles)
    start, end = rng.uniform(0, 0.12, 2)
    u = np.clip((clock - start) / (1 - start - end), 0, 1)
    u = u + rng.uniform(0, 0.8) * (u * u * (3 - 2 * u) - u)
    progress = u / (u + (1 - u) * np.exp(rng.uniform(-0.8, 0.8)))  # played backwards, this family of curves is the same
    return progress[::-1] if action.backwards else progress


@lru_cache(maxsize=1)
def _soft_spot() -> Image.Image:
    """The mask of a soft shadow."""
    spot = Image.new("L", (96, 32))
    ImageDraw.Draw(spot).ellipse((14, 7, 82, 25), fill=120)
    return spot.filter(ImageFilter.GaussianBlur(4))


def _cast_shadow(image: Image.Image, shapes: Sequence[Shape], view: Camera) -> None:
    """Darken the ground below what is near it, in place."""
    low = [z.real for shape in shapes if not isinstance(shape, Disc) for z in shape.points if z.imag < 0.3]
    (x0, y0), (x1, y1) = view(complex(min(low, default=-0.1), 0)), view(complex(max(low, default=0.1), 0))
    wide = int(abs(x1 - x0) * 1.2 + 0.32 * view.scale)
    tall = int(0.16 * view.scale)
    corner = (int((x0 + x1 - wide) / 2), int((y0 + y1 - tall) / 2))
    image.paste((24, 20, 34), corner, _soft_spot().resize((wide, tall)))


def _sensor(rng: np.random.Generator, height: int, width: int) -> Callable[[np.ndarray], np.ndarray]:
    """A camera's exposure, colour cast, vignette and noise, as a function of one frame."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    gain = (1 - rng.uniform(0.08, 0.2) * (x * x + y * y))[..., None].astype(np.float32) * gain
    offset = np.float32(128 * (1 - gain.mean()) * rng.uniform(0, 0.8) + rng.uniform(-8, 8))
    size = height * width * 3
    noise = rng.standard_normal(2 * size, dtype=np.float32) * np.float32(rng.uniform(*NOISE))

    def expose(frame: np.ndarray) -> np.ndarray:
        start = rng.integers(size)
        exposed = frame * gain
        exposed += noise[start : start + size].reshape(frame.shape) + offset
        return np.clip(exposed, 0, 255, out=exposed).astype(np.uint8)

    return expose


def render_video(
    action: str, seed: int, group: int, height: int = 120, width: int = 160, num_frames: int = 32
) -> np.ndarray:
    """Two seconds of an action as footage: uint8 RGB frames (num_frames, height, width, 3).

    `group` fixes the person and the place, as a group of UCF101 does, the same for every action; `seed` the world.
    Raises ValueError for an unknown action.
    """
    entry = look_up(action)
    setting = np.random.default_rng([seed, group, 0])
    rng = np.random.default_rng([seed, group, 1 + list(ACTIONS).index(action)])
    actor, place = random_actor(setting), str(setting.choice(list(PLACES)))
    stature, horizon, expose = setting.uniform(0.8, 1.15), setting.uniform(0.56, 0.66), _sensor(setting, height, width)
    actor = with_vigour(actor, rng.uniform(0.8, 1.15))
    mirror = bool(rng.random() < 0.5)

    times = _schedule(entry, rng, num_frames)
    samples = [shape for t in np.linspace(0, 1 if entry.time_ordered else 2, 9) for shape in entry.draw(actor, t)]
    scale, left, right = fit(samples, 0.84 * width, 0.96 * height, PERSON_HEIGHT * stature * height)
    foot = complex(stand_at(rng, width, scale, left, right, mirror), rng.uniform(0.88, 0.93) * height)

    # the background is larger than the frame by a margin for drift, and by the way the person travels
    margin = np.array([0.14 * width, 0.1 * height])
    journey = (-1 if mirror else 1) * entry.travel * scale
    wide, tall = round(width + 2 * margin[0] + abs(journey)), round(height + 2 * margin[1])
    backdrop = footage_background(place, np.random.default_rng([seed, group, 0, 1]), wide, tall, horizon)
    clock = np.linspace(0, 1, num_frames)[:, None]
    pans, zooms = rng.uniform(-0.4, 0.4, (2, 2)) * margin, rng.uniform(1.0, 1.08, 2)
    tremor = 0.006 * height * np.sin(2 * np.pi * (rng.uniform(0.5, 2.5, 2) * clock + rng.random(2)))
    drift = margin + pans[0] + (pans[1] - pans[0]) * clock + tremor
    squeeze, roll = rng.uniform(0.9, 1.0), rng.uniform(-0.03, 0.03)

    size = (SUPERSAMPLING * width, SUPERSAMPLING * height)
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for k, t in enumerate(times):
        zoom = zooms[0] + (zooms[1] - zooms[0]) * clock[k, 0]
        corner = drift[k] + (1 - 1 / zoom) * np.array([width / 2, height / 2])
        scroll = corner[0] + max(-journey, 0) + journey * clock[k, 0]
        box = (scroll, corner[1], scroll + width / zoom, corner[1] + height / zoom)
        image = backdrop.resize(size, Image.Resampling.BILINEAR, box=box)
        origin = (foot + complex(*margin) - complex(*corner)) * zoom * SUPERSAMPLING
        view = camera(scale * zoom * SUPERSAMPLING, origin, squeeze, roll, mirror)
        shapes = entry.draw(actor, float(t))
        _cast_shadow(image, shapes, view)
        paint_footage(image, shapes, view)
        frames[k] = expose(np.asarray(image.reduce(SUPERSAMPLING)))
    return frames


def _class_folder(action: str) -> str:
    return "".join(word.capitalize() for word in action.split())


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)


def write_video(path: Path, frames: np.ndarray) -> None:
    """Encode uint8 RGB frames (T, H, W, 3), H and W even, as an H.264 mp4 file at 16 frames per second."""
    write_h264(path, frames, FRAMES_PER_SECOND, ENCODING)


def _make_video(seed: int, job: tuple[str, int, Path]) -> None:
    action, group, path = job
    with replacing(path) as temporary:
        write_video(temporary, render_video(action, seed, group))


def make_puppets(
    root: Path,
    seed: int = 0,
    train_per_class: int = 20,
    val_per_class: int = 10,
    test_per_class: int = 30,
    workers: int = 2,
) -> Path:
    """Write the world of `seed` as mp4 files and UCF101's annotation files under `root`, which is returned.

    Groups 1 to `train_per_class` are for training, the next `val_per_class` for validation (`vallist01.txt`), the
    `test_per_class` after them for testing; a group is one video of each class. Files that exist are kept, so an
    interrupted call goes on where it stopped. Takes about 0.1 s a video and worker. Raises ValueError if `root` holds
    the world of another seed.
    """
    root = Path(root)
    annotations = root / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    mark, identity = root / "puppets.json", json.dumps({"world": "Puppets", "seed": seed})
    if mark.exists() and mark.read_text() != identity:
        raise ValueError(f"{root} holds another world, {mark.read_text()}, not {identity}; choose another folder")
    _write(mark, identity)

    split_of = ["train"] * train_per_class + ["val"] * val_per_class + ["test"] * test_per_class
    jobs: list[tuple[str, int, Path]] = []
    lists: dict[str, list[str]] = {"classInd": [], "trainlist01": [], "vallist01": [], "testlist01": []}
    for label, action in enumerate(ACTIONS, start=1):
        folder = _class_folder(action)
        (root / "videos" / folder).mkdir(parents=True, exist_ok=True)
        lists["classInd"].append(f"{label} {folder}")
        for group, split in enumerate(split_of, start=1):
            name = f"{folder}/v_{folder}_g{group:02d}_c01.mp4"
            jobs.append((action, group, root / "videos" / name))
            lists[f"{split}list01"].append(name if split == "test" else f"{name} {label}")
    missing = [job for job in jobs if not job[-1].exists()]
    for _ in each(partial(_make_video, seed), missing, workers, f"filming {len(missing):,} videos", "video"):
        pass
    for name, lines in lists.items():
        _write(annotations / f"{name}.txt", "".join(f"{line}\n" for line in lines))
    return root
