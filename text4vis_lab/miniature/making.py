"""Making the miniature where it is missing, and finding it.

The processes that draw import this package and do without torch: what needs it is imported where it is used.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from text4vis_core.files import check_writable

from ..notebooks import repository_root
from ..plain import write_json
from ..read_only import check_may_train
from ..settings import check_choices
from .actions import ACTIONS, NOVEL_CLASSES
from .films import make_puppets
from .pictures import make_pictures, render_picture

# Sources, beside this file, of which the videos are functions, and the pictures.
DRAWN_BY = ("skeleton", "_moves", "actions", "drawing", "_common")
FILMED_BY = (*DRAWN_BY, "films", "../encoding")
PER_CLASS = {"train_per_class": 20, "val_per_class": 10, "test_per_class": 30}  # 1,440 videos
MODELS: dict[str, tuple[str, ...]] = {  # Mini CLIPs, and the classes whose names they have never read
    "mini_clip": (),
    "mini_clip_withheld": NOVEL_CLASSES,
}
VIDEOS = "puppets"


@dataclass(frozen=True)
class Miniature:
    """Where the miniature lies.

    Attributes:
        root: its folder, in which each part has one of its own name.
    """

    root: Path

    @property
    def videos(self) -> Path:
        """The data set's folder, for `load_videos("puppets", ...)`."""
        return self.root / VIDEOS

    @property
    def clip(self) -> Path:
        """Mini CLIP's folder, for `load_clip`."""
        return self.root / "mini_clip"


def make(
    root: str | Path | None = None, seed: int = 0, workers: int = 2, parts: Collection[str] = (VIDEOS, "mini_clip")
) -> Miniature:
    """Make the miniature where it is missing, under a lock: about three minutes on two cores, then never again.

    Where all that is asked for is there, nothing is written: the folder may be read-only.

    A minute of them is for the videos and two for a Mini CLIP. Of an interrupted call the videos are kept. What another
    version of this code made is made anew.

    Args:
        root: its folder; when None `data/miniature` of the repository, `data/miniature-seed1` for a seed of 1.
        seed: of the world: people, places, drawings, captions and the weights that Mini CLIP begins with.
        workers: processes that draw.
        parts: what is asked for: "puppets" and keys of `MODELS`. The rest is left as it is.

    Raises:
        ValueError: a part is none of these.
        CheckpointError: something is missing, and the folder cannot be written to.
    """
    check_choices("parts", parts, (VIDEOS, *MODELS))
    usual = Path("data", f"miniature-seed{seed}" if seed else "miniature")
    world = Miniature(repository_root() / usual if root is None else Path(root))
    missing = [part for part in parts if _stamp(world.root / part) != _made_of(part, seed)]
    if not missing:
        return world
    check_writable(world.root, f"{' and '.join(missing)} would be made there; let it be written to, or put them there")
    with FileLock(world.root / ".lock"):
        if VIDEOS in parts:
            _make_videos(world, seed, workers)
        for name, withheld in MODELS.items():
            if name in parts:
                _make_model(world.root / name, seed, workers, withheld)
    return world


def _made_of(part: str, seed: int) -> str:
    """The stamp of a part that this version of the code has made."""
    if part == VIDEOS:
        return _fingerprint(FILMED_BY, [seed, PER_CLASS])
    from .clip import PretrainingConfig

    return _fingerprint((*DRAWN_BY, "pictures", "clip"), [asdict(PretrainingConfig(seed=seed)), MODELS[part]])


def _make_videos(world: Miniature, seed: int, workers: int) -> None:
    drawn = _made_of(VIDEOS, seed)
    if _stamp(world.videos) == drawn:
        return
    count = len(ACTIONS) * sum(PER_CLASS.values())
    print(f"Making {world.videos}, {count:,} videos: about a minute on two cores", flush=True)
    begun = world.videos / "making.json"
    if world.videos.exists() and _read(begun) != drawn:
        shutil.rmtree(world.videos)
    world.videos.mkdir(exist_ok=True)
    write_json(begun, drawn)
    make_puppets(world.videos, seed, **PER_CLASS, workers=workers)
    begun.rename(world.videos / "made.json")


def _make_model(folder: Path, seed: int, workers: int, withheld: tuple[str, ...]) -> None:
    from .clip import SIZE, PretrainingConfig, pretrain

    config, trained = PretrainingConfig(seed=seed), _made_of(folder.name, seed)
    if _stamp(folder) == trained:
        return
    import torch

    check_may_train(folder.name)
    print(f"Training {folder} on {config.pictures:,} drawings: about two minutes on two cores", flush=True)
    (folder / "made.json").unlink(missing_ok=True)
    pictures, captions = make_pictures(config.pictures, seed, SIZE, workers, withheld)
    pretrain(torch.from_numpy(pictures), captions, config, folder)
    write_json(folder / "made.json", trained)


def prepare(dataset: str, data_root: str, model: str, world: int = 0) -> tuple[Path, str]:
    """Where a notebook's data and model lie; what it asks for of the miniature, and no more, is made first.

    Args:
        dataset: "puppets" is the miniature's, unless `data_root` says otherwise.
        data_root: the data set's folder; empty for `data/<dataset>`.
        model: one of `MODELS` is the miniature's; anything else is returned as it is.
        world: the miniature's seed.
    """
    root, folder = repository_root(), Path(data_root or f"data/{dataset}")
    videos = dataset == VIDEOS and not data_root
    parts = [VIDEOS] * videos + [model] * (model in MODELS)
    if parts:
        made = make(seed=world, parts=parts).root
        folder, model = made / VIDEOS if videos else folder, str(made / model) if model in MODELS else model
    return root / folder, model


def film(name: str) -> tuple[str, list[str]]:
    """The path of a test film of a class, and the names of all classes; the miniature is made first.

    Raises:
        ValueError: no class has this name, with the choices.
    """
    from text4vis_core.data.formats.readers import load_videos

    from ..lists import class_ids

    test = load_videos("puppets", make(parts=[VIDEOS]).videos, "test")
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
