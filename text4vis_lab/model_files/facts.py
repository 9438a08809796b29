"""What a model's folder tells of it, in `model.json`: all that weights do not show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import Field

from ..plain import readable
from ..sealing import Kind, Schema

FORMAT = 2
UNSEALED = 1  # which had no seal, and is read all the same
FILE = "model.json"


class ModelError(ValueError):
    """A model's folder that cannot be found, read or written. Names it, and the remedy."""


class _Architecture(Schema):
    """Of a model's network, what is looked at besides `network.rebuilt`."""

    temporal: str
    classifier: str


class _ModelFacts(Schema):
    """What `model.json` holds, see `Facts`."""

    classes: list[str] = Field(min_length=1)
    architecture: _Architecture
    template: str
    names: str
    clip: dict[str, Any]
    clips: dict[str, Any]
    training: dict[str, Any]
    data: dict[str, Any]
    measured: list[dict[str, Any]]
    provenance: dict[str, Any]
    weights: str


MODELS = Kind("what a model's folder tells of it", _ModelFacts, "run the notebook that made it again", ModelError)


@dataclass(frozen=True)
class Facts:
    """What a model is, but for its weights.

    Attributes:
        classes: names as text, in the order of its logits.
        architecture: how the network is built, see `network.architecture_of`.
        template: prompt of its class names.
        names: style of the class names, a key of `labels.NAME_STYLES`.
        clip: of the CLIP that it came from, for its text tower: `model`, `pretrained`, `world`, `fingerprint`; empty
            where there was none.
        clips: how videos become clips, by the names of `settings.ClipSettings`: num_frames, dense, resize, clips,
            crops.
        training: method, labels and recipe; empty for one that is not trained.
        data: name of the data set, and how many videos of what fingerprint.
        measured: rows of `rows.COLUMNS`, of the run that made it.
        provenance: run, time, commit, versions, hardware.
        weights: SHA-256 of the file of weights.
    """

    classes: tuple[str, ...]
    architecture: Mapping[str, Any]
    template: str
    names: str = "words"
    clip: Mapping[str, Any] = field(default_factory=dict)
    clips: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    measured: tuple[Mapping[str, Any], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""

    @property
    def num_frames(self) -> int:
        """Frames in a clip."""
        return int(self.clips.get("num_frames", 8))

    def settings(self) -> dict[str, Any]:
        """What a notebook's settings are, where it takes this model and is told nothing else."""
        followed = {name: self.clips[name] for name in ("num_frames", "dense", "resize") if name in self.clips}
        temporal = {"temporal": self.architecture["temporal"]}
        return followed | temporal | {"template": self.template, "names": self.names}


def write_facts(folder: Path, facts: Facts) -> None:
    """Write `model.json`; with it the folder is a model's."""
    MODELS.write(folder / FILE, {"format": FORMAT} | asdict(facts))


def read_facts(folder: str | Path) -> Facts:
    """What the folder tells of its model.

    Raises:
        ModelError: there is no `model.json`, or it is damaged, was changed, or is another version's.
    """
    path = Path(folder, FILE)
    try:
        found = MODELS.load(path)
    except FileNotFoundError:
        raise ModelError(
            f"{readable(folder)} holds no {FILE}: give the folder of a model that a run has kept"
        ) from None
    if found.get("format") not in (FORMAT, UNSEALED):
        raise ModelError(f"{readable(path)} is not of format {FORMAT}: make the model again with this version")
    found = MODELS.checked(path, found, sealed=found["format"] == FORMAT)
    given: dict[str, Any] = {each.name: found[each.name] for each in fields(Facts)}
    return Facts(**given | {name: tuple(given[name]) for name in ("classes", "measured")})
