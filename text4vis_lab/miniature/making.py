"""Making the miniature where it is missing, and finding it.

The processes that draw import this package and do without torch: what needs it is imported where it is used.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from text4vis_core.files import check_writable

from ..notebooks import repository_root
from ..plain import write_json
from .actions import ACTIONS
from .world import make_pictures, make_puppets, render_picture

# Sources, beside this file, of which the videos and pictures are functions.
DRAWN_BY = ("skeleton", "_moves", "actions", "drawing", "world", "../encoding")
TRAIN_PER_CLASS, TEST_PER_CLASS = 20, 10


@dataclass(frozen=True)
class Miniature:
    """Where the miniature lies.

    Attributes:
        videos: the data set's folder, for `load_videos("puppets", ...)`.
        clip: Mini CLIP's folder, for `load_clip`.
    """

    videos: Path
    clip: Path


def make(root: str | Path | None = None, seed: int = 0, workers: int = 2) -> Miniature:
    """Make the miniature where it is missing, under a lock: about five minutes on two cores, then never again.

    Of an interrupted call the videos are kept. What another version of this code made is made anew.

    Args:
        root: its folder; when None `data/miniature` of the repository, `data/miniature-seed1` for a seed of 1.
        seed: of the world.
        workers: processes that draw.

    Raises:
        CheckpointError: the folder cannot be written to.
    """
    usual = Path("data", f"miniature-seed{seed}" if seed else "miniature")
    root = check_writable(repository_root() / usual if root is None else root)
    world = Miniature(root / "puppets", root / "mini_clip")
    with FileLock(root / ".lock"):
        drawn = _fingerprint(DRAWN_BY, [seed, TRAIN_PER_CLASS, TEST_PER_CLASS])
        if _stamp(world.videos) != drawn:
            print(f"Making the videos of the miniature in {root}: about a minute on two cores", flush=True)
            begun = world.videos / "making.json"
            if world.videos.exists() and _read(begun) != drawn:
                shutil.rmtree(world.videos)
            world.videos.mkdir(exist_ok=True)
            write_json(begun, drawn)
            make_puppets(world.videos, seed, TRAIN_PER_CLASS, TEST_PER_CLASS, workers)
            begun.rename(world.videos / "made.json")
        from .clip import SIZE, PretrainingConfig, pretrain

        config = PretrainingConfig(seed=seed)
        trained = _fingerprint((*DRAWN_BY, "clip"), asdict(config))
        if _stamp(world.clip) != trained:
            import torch

            print(f"Training the miniature's CLIP in {root}: about three minutes on two cores", flush=True)
            (world.clip / "made.json").unlink(missing_ok=True)
            pictures, captions = make_pictures(config.pictures, seed, SIZE, workers)
            pretrain(torch.from_numpy(pictures), captions, config, world.clip)
            write_json(world.clip / "made.json", trained)
    return world


def prepare(dataset: str, data_root: str, model: str) -> tuple[Path, str]:
    """Where a notebook's data and model lie, the miniature made first if one of them is asked for.

    Args:
        dataset: "puppets" is the miniature's, unless `data_root` says otherwise.
        data_root: the data set's folder; empty for `data/<dataset>`.
        model: "mini_clip" is the miniature's; anything else is returned as it is.
    """
    root, folder = repository_root(), Path(data_root or f"data/{dataset}")
    if (dataset == "puppets" and not data_root) or model == "mini_clip":
        world = make()
        folder = world.videos if dataset == "puppets" and not data_root else root / folder
        model = str(world.clip) if model == "mini_clip" else model
    return root / folder, model


def film(name: str) -> tuple[str, list[str]]:
    """The path of a test film of a class, and the names of all classes; the miniature is made first.

    Raises:
        ValueError: no class has this name, with the choices.
    """
    from text4vis_core.data.formats.readers import load_videos

    from ..lists import class_ids

    test = load_videos("puppets", make().videos, "test")
    [label] = class_ids(test, [name])
    return str(next(video.path for video in test.videos if video.label == label)), test.names


def captioned_pictures(count: int, seed: int = 0, size: int = 160) -> tuple[list[np.ndarray], list[str]]:
    """Drawings as Mini CLIP is trained on, drawn larger: (list of uint8 (size, size, 3), list of captions)."""
    rng, actions = np.random.default_rng(seed), list(ACTIONS)
    pairs = [render_picture(actions[i % len(actions)], rng, size) for i in range(count)]
    return [picture for picture, _ in pairs], [caption for _, caption in pairs]


def training_log(folder: str | Path) -> list[dict]:
    """How Mini CLIP's training went: rows with epoch, loss and cumulative seconds."""
    return json.loads((Path(folder) / "training.json").read_text())


def _stamp(folder: Path) -> str | None:
    return _read(folder / "made.json")


def _read(path: Path) -> str | None:
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return None


def _fingerprint(modules: Iterable[str], settings: Any) -> str:
    """Of the sources that make something, and what they are asked for."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in modules:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()
