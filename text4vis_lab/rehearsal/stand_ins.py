"""Stand-ins for data sets: a few generated clips under every class name, in the publisher's layout.

    make_stand_in("kinetics400", "runs/rehearsal/data/kinetics400", per_class=1)

What is rehearsed on them is read, decoded and batched as the real data set is; only what the pictures show is missing.
Videos are hard links to a handful of files of ten seconds, 340 x 256 pixels, H.264, so that thousands take seconds.
Where no published list of class names is installed, the names are stand-ins too.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path

import numpy as np

from text4vis_core.data.formats.kinetics import kinetics400_categories
from text4vis_core.files import check_writable, replacing

from ..encoding import write_h264
from ..settings import check_choices

WIDTH, HEIGHT, FPS, SECONDS = 340, 256, 30, 10
DISTINCT = 4  # clips that are encoded; all others are links to these
ZERO_SHOT_NEW, ZERO_SHOT_CLASSES, FOLDS = 220, 160, (1, 2, 3)

Place = Callable[[str], None]  # makes a video at a path below the root


def make_stand_in(dataset: str, root: str | Path, per_class: int = 1) -> None:
    """Make a data set's stand-in anew.

    Args:
        dataset: a key of `STAND_INS`.
        root: its folder, for `load_videos`; what lay there is removed. The encoded clips stay in the folder `clips`
            beside it.
        per_class: training videos of each class; there is one test video of each.

    Raises:
        ValueError: a data set without a stand-in, with the choices.
        CheckpointError: the folder cannot be written to.
    """
    check_choices("dataset", dataset, STAND_INS)
    root = Path(root)
    clips = cycle(_clips(check_writable(root.parent / "clips")))
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()

    def place(name: str) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        link(next(clips), path)

    STAND_INS[dataset](root, place, per_class)


def _kinetics400(root: Path, place: Place, per_class: int) -> None:
    names, ids = kinetics400_categories(), _youtube_ids()
    for split, videos in (("train", per_class), ("val", 1)):
        lines = ["label,youtube_id,time_start,time_end,split"]
        for name in names:
            for _ in range(videos):
                identity = next(ids)
                place(f"{split}/{name}/{identity}_000000_000010.mp4")
                lines.append(f'"{name}",{identity},0,10,{split}')
        _write(root / f"{split}.csv", lines)


def _kinetics600_zero_shot(root: Path, place: Place, per_class: int) -> None:
    names, ids = _names(ZERO_SHOT_NEW), _youtube_ids()
    lines = ["label,youtube_id,time_start,time_end,split"]
    for name in names:
        identity = next(ids)
        place(f"test/{identity}_000000_000010.mp4")
        lines.append(f"{name},{identity},0,10,test")
    _write(root / "test.csv", lines)
    for fold in FOLDS:
        chosen = np.random.default_rng(fold).permutation(ZERO_SHOT_NEW)[:ZERO_SHOT_CLASSES]
        _write(root / f"classes_split{fold}.txt", [names[i] for i in sorted(chosen)])


def _ucf101(root: Path, place: Place, per_class: int) -> None:
    names = [f"StandInAction{i:03d}" for i in range(1, 102)]
    _write(root / "ucfTrainTestlist" / "classInd.txt", [f"{i} {name}" for i, name in enumerate(names, start=1)])
    train, test = list[str](), list[str]()
    for label, name in enumerate(names, start=1):
        for number in range(1, per_class + 2):
            video = f"{name}/v_{name}_g{number:02d}_c01.avi"
            place(f"UCF-101/{video}")
            (test if number == 1 else train).append(video if number == 1 else f"{video} {label}")
    for fold in FOLDS:
        _write(root / "ucfTrainTestlist" / f"trainlist{fold:02d}.txt", train)
        _write(root / "ucfTrainTestlist" / f"testlist{fold:02d}.txt", test)


def _hmdb51(root: Path, place: Place, per_class: int) -> None:
    for name in (f"stand_in_action_{i:02d}" for i in range(1, 52)):
        lines = []
        for number in range(1, per_class + 2):
            video = f"{name}_f_cm_np1_fr_med_{number}.avi"
            place(f"{name}/{video}")
            lines.append(f"{video} {2 if number == 1 else 1} ")
        for fold in FOLDS:
            _write(root / "testTrainMulti_7030_splits" / f"{name}_test_split{fold}.txt", lines)


def _activitynet(root: Path, place: Place, per_class: int) -> None:
    ids, database = _youtube_ids(), {}
    for name in _names(200):
        for subset in ["validation"] + per_class * ["training"]:
            identity = next(ids)
            place(f"videos/v_{identity}.mp4")
            database[identity] = {
                "duration": float(SECONDS),
                "subset": subset,
                "resolution": f"{WIDTH}x{HEIGHT}",
                "url": "",
                "annotations": [{"segment": [0.5, SECONDS - 0.5], "label": name}],
            }
    content = {"database": database, "taxonomy": [], "version": "VERSION 1.3"}
    (root / "activity_net.v1-3.min.json").write_text(json.dumps(content), encoding="utf-8")


def _charades(root: Path, place: Place, per_class: int) -> None:
    names = _names(157)
    _write(root / "Charades_v1_classes.txt", [f"c{i:03d} {name}" for i, name in enumerate(names)])
    number = count(1)
    for split, videos in (("train", per_class), ("test", 1)):
        lines = ["id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length"]
        for label in range(len(names)):
            for _ in range(videos):
                identity = f"S{next(number):04d}"
                place(f"Charades_v1/{identity}.mp4")
                actions = f"c{label:03d} 0.00 5.00;c{(label + 1) % len(names):03d} 4.00 9.50"
                lines.append(f"{identity},S1,Kitchen,6,7,Yes,a script,cup,a description,{actions},{SECONDS}.00")
        _write(root / f"Charades_v1_{split}.csv", lines)


STAND_INS: dict[str, Callable[[Path, Place, int], None]] = {
    "kinetics400": _kinetics400,
    "kinetics600_zero_shot": _kinetics600_zero_shot,
    "ucf101": _ucf101,
    "hmdb51": _hmdb51,
    "activitynet": _activitynet,
    "charades": _charades,
}


def _clips(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.mp4" for number in range(DISTINCT)]
    for number, path in enumerate(paths):
        if not path.exists():
            with replacing(path) as temporary:
                write_h264(temporary, _drifting(number), FPS, {"preset": "veryfast", "threads": "1"})
    return paths


def _drifting(seed: int) -> Iterator[np.ndarray]:
    """A texture that drifts over the frame: uint8 (H, W, 3), one after the other."""
    rng = np.random.default_rng(seed)
    texture = np.kron(rng.integers(0, 256, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8), np.ones((4, 4, 1), np.uint8))
    step = rng.integers(1, 5, 2)
    for i in range(FPS * SECONDS):
        yield np.ascontiguousarray(np.roll(texture, tuple(i * step), axis=(0, 1)))


def link(source: Path, target: Path) -> None:
    """A second name for a file, or where that cannot be, a copy."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or too many to one file
        shutil.copyfile(source, target)


def _youtube_ids() -> Iterator[str]:
    """Identities in YouTube's form, 11 characters."""
    return (f"stand{i:06d}" for i in count())


def _names(number: int) -> list[str]:
    return [f"stand-in action {i:03d}" for i in range(1, number + 1)]


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
