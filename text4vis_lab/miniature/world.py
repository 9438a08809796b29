"""Puppets, a small generated world of action videos, laid out on disk like UCF101.

Videos are "footage": shaded puppets in textured places, seen by a drifting, noisy camera. Pictures are "illustrations"
with captions, as found on the web: the same actions, flat and outlined. A model that learned from the pictures has
never seen a video. Everything is a function of its seed.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from text4vis_core.files import replacing
from text4vis_core.processes import progress_bar

from ..encoding import write_h264
from .actions import ACTIONS, Action
from .drawing import (
    PLACES,
    RGB,
    Camera,
    Disc,
    Shape,
    bounds,
    camera,
    footage_background,
    illustrated_background,
    paint_footage,
    paint_illustration,
    patterned_paper,
)
from .skeleton import Actor, random_actor, with_vigour

FRAMES_PER_SECOND = 16
SUPERSAMPLING = 2  # for footage
PICTURE_SUPERSAMPLING = 3
NOISE = (2.0, 9.0)  # the sensor's standard deviation, in grey levels
PERSON_HEIGHT = 0.7  # of the picture's
PICTURES_PER_JOB = 64
# g: a key frame every 4 frames halves the time of reading a few frames of a clip, for a fifth more bytes;
# without mbtree=0, libx264 wrote other bytes for the same frames now and then, on a machine with AVX-512
ENCODING = {"crf": "20", "preset": "veryfast", "threads": "1", "g": "4", "mbtree": "0"}

PAPERS: dict[str, RGB] = {
    "white": (248, 246, 240),
    "blue": (190, 212, 238),
    "green": (200, 226, 196),
    "yellow": (246, 232, 176),
    "pink": (244, 208, 216),
    "grey": (208, 208, 214),
}
WHEREABOUTS = {
    "park": ("in a park", "on the grass"),
    "gym": ("in a gym", "in a sports hall"),
    "street": ("in the street", "in front of houses"),
    "beach": ("on the beach", "by the sea"),
    "studio": ("in a room with a plant", "indoors"),
}
NAME_TEMPLATES = ("{name}", "a picture of {name}", "a photo of {name}", "{name} {place}", "{name}, a drawing")
PERSON_TEMPLATES = (
    "a person {doing}",
    "a photo of a person {doing}",
    "a drawing of a person {doing}",
    "a person {doing} {place}",
    "someone {doing} {place}",
    "{shirt} shirted person {doing}",
    "a person in {shirt} shirt {doing} {place}",
    "someone in {shirt} shirt {doing}",
)


def _look_up(name: str) -> Action:
    if name not in ACTIONS:
        raise ValueError(f"unknown action {name!r}; the actions are: {', '.join(ACTIONS)}")
    return ACTIONS[name]


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


def _fit(shapes: Sequence[Shape], width: float, height: float, wanted: float) -> tuple[float, float, float]:
    """Pixels per unit, at most `wanted`, so that the shapes fit a picture; and their left and right end in units."""
    left, right, _, top = bounds(shapes)
    return min(wanted, width / (right - left), 0.86 * height / top), left, right


def _stand_at(rng: np.random.Generator, width: float, scale: float, left: float, right: float, mirror: bool) -> float:
    """A pixel column for the world's 0 that keeps what lies from `left` to `right` in the picture, near its middle."""
    left, right = (-right, -left) if mirror else (left, right)
    slack = (width - scale * (right - left)) / 2
    return width / 2 - scale * (left + right) / 2 + rng.uniform(-0.7, 0.7) * slack


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
    entry = _look_up(action)
    setting = np.random.default_rng([seed, group, 0])
    rng = np.random.default_rng([seed, group, 1 + list(ACTIONS).index(action)])
    actor, place = random_actor(setting), str(setting.choice(list(PLACES)))
    stature, horizon, expose = setting.uniform(0.8, 1.15), setting.uniform(0.56, 0.66), _sensor(setting, height, width)
    actor = with_vigour(actor, rng.uniform(0.8, 1.15))
    mirror = bool(rng.random() < 0.5)

    times = _schedule(entry, rng, num_frames)
    samples = [shape for t in np.linspace(0, 1 if entry.time_ordered else 2, 9) for shape in entry.draw(actor, t)]
    scale, left, right = _fit(samples, 0.84 * width, 0.96 * height, PERSON_HEIGHT * stature * height)
    foot = complex(_stand_at(rng, width, scale, left, right, mirror), rng.uniform(0.88, 0.93) * height)

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


def _article(colour: str) -> str:
    return f"an {colour}" if colour[0] in "aeiou" else f"a {colour}"


def _caption(action: Action, actor: Actor, place: str, rng: np.random.Generator) -> str:
    """A caption that is true of the picture; about half of them hold the action's own name."""
    words = {"name": action.name, "place": place, "shirt": _article(actor.shirt_name)}
    accent = _article(actor.accent_name)
    if action.states and rng.random() < 0.15:
        return str(rng.choice(action.states)).format(accent=accent)
    if rng.random() < (0.25 if action.name in action.phrase else 0.4):
        return str(rng.choice(NAME_TEMPLATES)).format(**words)
    doing = action.phrase if rng.random() < 0.35 else str(rng.choice(action.paraphrases)).format(accent=accent)
    return str(rng.choice(PERSON_TEMPLATES)).format(doing=doing, **words)


def render_picture(action: str, rng: np.random.Generator, size: int = 64) -> tuple[np.ndarray, str]:
    """One moment of an action as an illustration: uint8 RGB (size, size, 3), and a caption in lower case.

    Raises ValueError for an unknown action.
    """
    entry = _look_up(action)
    canvas = PICTURE_SUPERSAMPLING * size
    actor = with_vigour(random_actor(rng), rng.uniform(0.8, 1.15))
    mirror = bool(rng.random() < 0.5)
    shapes = entry.draw(actor, _moment(entry, rng))
    scale, left, right = _fit(shapes, 0.94 * canvas, canvas, PERSON_HEIGHT * rng.uniform(0.8, 1.15) * canvas)
    foot = complex(_stand_at(rng, canvas, scale, left, right, mirror), rng.uniform(0.88, 0.94) * canvas)
    if rng.random() < 0.5:
        name = str(rng.choice(list(PAPERS)))
        image = patterned_paper(rng, canvas, PAPERS[name])
        place = f"on {_article(name)} background"
    else:
        name = str(rng.choice(list(PLACES)))
        image = illustrated_background(name, rng, canvas, rng.uniform(0.56, 0.66))
        place = str(rng.choice(WHEREABOUTS[name]))
    view = camera(scale, foot, rng.uniform(0.9, 1.0), rng.uniform(-0.03, 0.03), mirror)
    paint_illustration(image, shapes, view, pastel=0.12)
    return np.asarray(image.reduce(PICTURE_SUPERSAMPLING)), _caption(entry, actor, place, rng)


def _moment(action: Action, rng: np.random.Generator) -> float:
    """When a picture is taken. Who captions a still as opening an umbrella has rather seen it open than shut."""
    if not action.time_ordered:
        return float(rng.uniform(0, 2))
    progress = float(max(rng.uniform(size=2)))
    return 1 - progress if action.backwards else progress


def _picture_batch(seed: int, size: int, numbers: range) -> tuple[np.ndarray, list[str]]:
    names = list(ACTIONS)
    made = [render_picture(names[n % len(names)], np.random.default_rng([seed, n]), size) for n in numbers]
    return np.stack([picture for picture, _ in made]).transpose(0, 3, 1, 2), [caption for _, caption in made]


def _each(work: Callable[[Any], Any], jobs: Sequence[Any], workers: int, what: str, unit: str) -> Iterator[Any]:
    """The results of `work` on each job, in order, with a progress bar; in processes of their own if workers > 1."""
    how = {"total": len(jobs), "unit": unit}
    if workers <= 1 or len(jobs) <= 1:
        yield from progress_bar(map(work, jobs), what, **how)
        return
    # spawned, not forked: a fork of a process that runs torch's threads may hang
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        yield from progress_bar(pool.map(work, jobs, chunksize=4), what, **how)
    finally:
        pool.shutdown(cancel_futures=True)


def make_pictures(count: int, seed: int, size: int = 64, workers: int = 2) -> tuple[np.ndarray, list[str]]:
    """Illustrations of all actions in turn: uint8 RGB (count, 3, size, size), and a caption for each.

    The same for any number of workers. Takes about 2 ms a picture and worker.
    """
    jobs = [range(start, min(start + PICTURES_PER_JOB, count)) for start in range(0, count, PICTURES_PER_JOB)]
    pictures, captions = np.empty((count, 3, size, size), np.uint8), []
    batches = _each(partial(_picture_batch, seed, size), jobs, workers, f"drawing {count:,} pictures", "batch")
    for numbers, (batch, texts) in zip(jobs, batches, strict=True):
        pictures[numbers.start : numbers.stop] = batch
        captions += texts
    return pictures, captions


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
    root: Path, seed: int = 0, train_per_class: int = 20, test_per_class: int = 10, workers: int = 2
) -> Path:
    """Write the world of `seed` as mp4 files and UCF101's annotation files under `root`, which is returned.

    Groups 1 to `train_per_class` are for training, the following `test_per_class` for testing; a group is one video of
    each class. Files that exist are kept, so an interrupted call goes on where it stopped. Takes about 0.1 s a video
    and worker. Raises ValueError if `root` holds the world of another seed.
    """
    root = Path(root)
    annotations = root / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    mark, identity = root / "puppets.json", json.dumps({"world": "Puppets", "seed": seed})
    if mark.exists() and mark.read_text() != identity:
        raise ValueError(f"{root} holds another world, {mark.read_text()}, not {identity}; choose another folder")
    _write(mark, identity)

    jobs, classes, train, test = [], [], [], []
    for label, action in enumerate(ACTIONS, start=1):
        folder = _class_folder(action)
        (root / "videos" / folder).mkdir(parents=True, exist_ok=True)
        classes.append(f"{label} {folder}")
        for group in range(1, train_per_class + test_per_class + 1):
            name = f"{folder}/v_{folder}_g{group:02d}_c01.mp4"
            jobs.append((action, group, root / "videos" / name))
            if group <= train_per_class:
                train.append(f"{name} {label}")
            else:
                test.append(name)
    missing = [job for job in jobs if not job[-1].exists()]
    for _ in _each(partial(_make_video, seed), missing, workers, f"filming {len(missing)} videos", "video"):
        pass
    for name, lines in (("classInd", classes), ("trainlist01", train), ("testlist01", test)):
        _write(annotations / f"{name}.txt", "".join(f"{line}\n" for line in lines))
    return root
