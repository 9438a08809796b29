"""Numbers made wrong on purpose, in the ways in which they come out wrong for people: each a right run and a wrong one.

    ground = Ground(folder)
    right, wrong = WRONGS["template"].plant(ground)
    compare(wrong, right, try_out=True).findings     # or asked(WRONGS["template"], ground)

All are real runs, of the notebooks' laboratory, a second or a few each; a right one serves several wrong ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from text4vis_core.evaluation.protocols import half_class_splits

from ..groups import group_name
from ..lab import Lab
from ..records import read_record
from ..results import scores_of
from ..scores import FOLDER, Scores, write_scores
from .comparing import Comparison, compare
from .explaining import Finding
from .ground import EPOCHS, RATE, ZERO_SHOT, Ground, decoded, quietly
from .trying import try_out

GONE = 4  # of so many groups of films the videos of one are missing
COMPRESSED = 20  # quality of JPEG of another copy


@dataclass(frozen=True)
class Wrong:
    """A number that is wrong on purpose.

    Attributes:
        title: what was done.
        befalls: how it comes about where nobody means it.
        causes: ids of what `compare` is to name.
        plant: makes the right run and the wrong one, and gives their records.
        metric: in which it shows.
    """

    title: str
    befalls: str
    causes: tuple[str, ...]
    plant: Callable[[Ground], tuple[dict, dict]]
    metric: str = "top1"


@dataclass(frozen=True)
class Asked:
    """What `compare` says of a number that was made wrong.

    Attributes:
        comparison: all of it.
        difference: of the two numbers as their records tell them, in points: what the effects have to explain.
        found: whether it names the causes that were planted, and no other.
        finding: that of a single cause that was found; else None.
    """

    comparison: Comparison
    difference: float
    found: bool
    finding: Finding | None


def asked(wrong: Wrong, ground: Ground) -> Asked:
    """Make a number wrong, and ask why it differs."""
    right, made = wrong.plant(ground)
    told = compare(made, right, metric=wrong.metric, try_out=True)
    difference = made["rows"][0][wrong.metric] - right["rows"][0][wrong.metric]
    found = sorted(finding.cause for finding in told.findings) == sorted(wrong.causes)
    return Asked(told, difference, found, told.findings[0] if found and len(told.findings) == 1 else None)


def _missing(ground: Ground) -> Path:
    groups = sorted({group_name("puppets", str(film.path)) for film in ground.films["test"]})[::GONE]
    gone = [film for film in ground.films["test"] if group_name("puppets", str(film.path)) in groups]
    return ground.data_set("missing", missing=gone)


def _other_order(ground: Ground) -> list[str]:
    """The names of the classes with their ids sorted as text: 0, 1, 10, 11, ..., 2, 20."""
    return [ground.classes[label] for label in sorted(range(len(ground.classes)), key=str)]


def _shifted(ground: Ground) -> Path:
    frames = {}
    for film in ground.films["test"]:
        pictures = sorted((ground.data / "frames" / film.path.stem).iterdir())
        frames[film] = [pictures[0], *pictures[:-1]]
    return ground.data_set("shifted", frames)


def _swapped(ground: Ground) -> Path:
    return ground.data_set("swapped", {film: decoded(film)[..., ::-1] for film in ground.films["test"]})


def _half(ground: Ground) -> tuple[dict, dict]:
    [half] = half_class_splits(len(ground.classes), 1)
    return ground.right, ground.zero_shot("half of the classes", half.tolist())


def _softmax_twice(ground: Ground, run: str = "softmax twice", **given: Any) -> tuple[dict, dict]:
    """Probabilities stand where logits are meant, so that what ranks the videos of a class is a softmax of them."""
    given = ground.settings(run, {"crops": 3, "data_root": str(ground.two_labels)} | given)
    with quietly(given["run_dir"]):
        lab = Lab.open("02_zero_shot", given, uses=ZERO_SHOT)
        lab.zero_shot({"test": lab.test}, {"fold": 1})
        [row] = lab.record.rows
        scores = lab.scores(row)
        assert isinstance(scores, Scores)
        twice = replace(scores, scores=scores.scores.softmax(-1))
        path = lab.record.run_dir / FOLDER / f"{row['cell']}.parquet"
        write_scores(path, {(row["test"], row["view"]): twice}, {"method": "zero-shot"})
        lab.record.add_cell(row["cell"], [row | twice.metrics()])
        return ground.right_two_labels, read_record(lab.save())


def _of_settings(run: str, **given: Any) -> Callable[[Ground], tuple[dict, dict]]:
    """The zero-shot run with other settings; values that are functions are of the ground."""

    def plant(ground: Ground) -> tuple[dict, dict]:
        asked = {name: value(ground) if callable(value) else value for name, value in given.items()}
        return ground.right, ground.zero_shot(run, **asked)

    return plant


def _ordered(ground: Ground) -> str:
    return str(ground.data_set("other order", classes=_other_order(ground)))


OTHER_TEMPLATE = "a photo of a {}."
WRONGS: dict[str, Wrong] = {
    "template": Wrong(
        f"the prompt is {OTHER_TEMPLATE!r}",
        "a template is copied from another paper's code, or left at a default",
        ("template",),
        _of_settings("other template", template=OTHER_TEMPLATE),
    ),
    "label order": Wrong(
        "the names of the classes are sorted as text, the numbers in the lists are not",
        "two files of one data set come from two people",
        ("label_order",),
        _of_settings("other order", data_root=_ordered),
    ),
    "names": Wrong(
        "JumpingJacks goes into the prompt, not jumping jacks",
        "folders are called so, and nobody parts the words",
        ("names",),
        _of_settings("names as spelled", names="published"),
    ),
    "missing videos": Wrong(
        f"the videos of every {GONE}th group are not there",
        "videos vanish from the web, and what is left is tested",
        ("missing_videos",),
        _of_settings("missing videos", data_root=lambda ground: str(_missing(ground))),
    ),
    "one crop": Wrong(
        "one crop of a video, not three",
        "a table's views are not those of the script's defaults",
        ("crops",),
        _of_settings("one crop", crops=1),
    ),
    "weights": Wrong(
        "Mini CLIP after a training on films, not as it was before",
        "one name stands for several files of weights",
        ("weights",),
        lambda ground: (ground.right, ground.right_epoch),
    ),
    "draw": Wrong(
        "other videos of each class to learn from",
        "few-shot lists are drawn anew, by another seed or another generator",
        ("draw",),
        lambda ground: (ground.right_few_shot, ground.few_shot("other draw", draw=1)),
    ),
    "frames off by one": Wrong(
        "each frame is the one before it",
        "the tool that took the pictures out of the files wrote the first one twice",
        ("frame_shift",),
        _of_settings("frames off by one", data_root=lambda ground: str(_shifted(ground))),
    ),
    "BGR": Wrong(
        "red and blue are swapped",
        "OpenCV reads BGR, and what writes the pictures takes RGB",
        ("channels",),
        _of_settings("red and blue", data_root=lambda ground: str(_swapped(ground))),
    ),
    "half of the classes": Wrong(
        "the model decides between half of the classes",
        "numbers of both protocols stand in one table",
        ("classes",),
        _half,
    ),
    "epoch": Wrong(
        f"the checkpoint of epoch 1, not of epoch {EPOCHS}",
        "the best epoch and the last one are two files",
        ("epoch",),
        lambda ground: (
            ground.right_epoch,
            ground.zero_shot("first epoch", checkpoint=str(ground.checkpoints[0])),
        ),
    ),
    "second softmax": Wrong(
        "average precision ranks by a softmax of probabilities",
        "the scores that are handed on went through a softmax already, as in the release",
        ("softmax",),
        _softmax_twice,
        "map",
    ),
}
COMBINED: dict[str, Wrong] = {
    "template and missing videos": Wrong(
        "another prompt, and videos that are not there",
        "two people, each with one difference",
        ("template", "missing_videos"),
        _of_settings("template and missing", template=OTHER_TEMPLATE, data_root=lambda ground: str(_missing(ground))),
    ),
    "label order and one crop": Wrong(
        "names in another order, and one crop",
        "two people, each with one difference",
        ("label_order", "crops"),
        _of_settings("order and one crop", crops=1, data_root=_ordered),
    ),
    "second softmax and template": Wrong(
        "a softmax of probabilities, and another prompt",
        "two people, each with one difference",
        ("softmax", "template"),
        lambda ground: _softmax_twice(ground, "softmax twice, other template", template=OTHER_TEMPLATE),
        "map",
    ),
}


@dataclass(frozen=True)
class Otherwise:
    """Something that may differ, and need not be wrong.

    Attributes:
        cause: an id of `CAUSES`.
        title: what is otherwise.
        measure: gives scores with it, and without.
    """

    cause: str
    title: str
    measure: Callable[[Ground], tuple[Scores, Scores]]


def _tried(**changes: Any) -> Callable[[Ground], tuple[Scores, Scores]]:
    """Of the right zero-shot run, as of `_of_settings`."""

    def measure(ground: Ground) -> tuple[Scores, Scores]:
        asked = {name: value(ground) if callable(value) else value for name, value in changes.items()}
        return try_out(ground.right, **asked), _scores(ground.right)

    return measure


def _trained(run: str, **given: Any) -> Callable[[Ground], tuple[Scores, Scores]]:
    return lambda ground: (_scores(ground.few_shot(run, **given)), _scores(ground.right_few_shot))


def _scores(record: dict) -> Scores:
    found = scores_of(record, record["rows"][0])
    assert isinstance(found, Scores)
    return found


def _compressed(ground: Ground) -> str:
    films = {film: decoded(film) for film in ground.films["test"]}
    return str(ground.data_set("compressed", films, quality=COMPRESSED))


OTHERWISE = (
    Otherwise("crops", "3 clips along time, not 1", _tried(clips=3)),
    Otherwise("resize", "73 pixels before the crop of 64, as 256 before 224", _tried(resize=73)),
    Otherwise("frames", "4 frames, not 8", _tried(num_frames=4)),
    Otherwise("frames", "16 frames, not 8", _tried(num_frames=16)),
    Otherwise("frames", "dense sampling, whose window is longer than a film", _tried(dense=True)),
    Otherwise(
        "decoder",
        "the films' files, not pictures taken out of them",
        _tried(dataset="puppets", data_root=lambda ground: str(ground.world.videos)),
    ),
    Otherwise("contents", f"pictures of JPEG quality {COMPRESSED}, not 95", _tried(data_root=_compressed)),
    Otherwise("seed", "another order of training, other clips", _trained("other order of training", order=1)),
    Otherwise("recipe", "twice the rate of learning", _trained("other rate", lr=2 * RATE)),
)
