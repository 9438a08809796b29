"""The methods whose rows the encoder is fine-tuned towards: one list of them all, by name.

"text, frozen": what the last layer begins with, and whether that is kept. In tables and recipes a method has this name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from text4vis_core.model.classifier import INITIALISERS

from . import rows, texts  # noqa: F401  # which make their initialisations known

LINEAR = "linear"  # in the place of an initialisation: the vision-only baseline, which knows no class embeddings
LINEAR_TEXT = "linear, text"
CONTRASTIVE = "contrastive"
OTHERS = (LINEAR, LINEAR_TEXT, CONTRASTIVE)  # trainable methods that are called as they are
TRAINABLE = (*INITIALISERS, *OTHERS)
TEXT_FREE = ("random", "orthogonal", "simplex", "means", "lda", LINEAR)
CONTROLS = ("shuffled", "rotated", "nearest simplex", "rotated simplex")
SETTINGS = ("tuned", "validation-free")
SLOW = 0.1  # of the rate of what is new: how fast slow rows move


@dataclass(frozen=True)
class Method:
    """What is compared: what the last layer begins with, whether it is kept, and what is minimised.

    Attributes:
        name: as tables and figures call it, such as "text, frozen".
        initialisation: a key of `classifier.INITIALISERS`; or "linear" for the vision-only baseline, "linear, text" for
            the same with rows that begin as text.
        frozen: keep the rows.
        objective: see `TrainingConfig`.
        slow: train the rows at a tenth of the rate.
        setting: where its recipe comes from, one of `SETTINGS`.
    """

    name: str
    initialisation: str
    frozen: bool = True
    objective: str = "classifier"
    slow: bool = False
    setting: str = "validation-free"

    def __post_init__(self):
        for kind, value, choices in (
            ("initialisation", self.initialisation, (*INITIALISERS, LINEAR, LINEAR_TEXT)),
            ("setting", self.setting, SETTINGS),
        ):
            if value not in choices:
                raise ValueError(f"unknown {kind} {value!r}; choose from: {', '.join(choices)}")

    @property
    def role(self) -> str:
        """A key of `rows.ROLES`: whether the method knows the class names."""
        if self.initialisation in CONTROLS:
            return "control"
        return "text-free" if self.initialisation in TEXT_FREE else "text"


def methods(frozen: Sequence[str], trainable: Sequence[str] = (), slow: Sequence[str] = ()) -> list[Method]:
    """A method for each initialisation whose rows are kept, are trained, or are trained at a tenth of the rate.

    Args:
        frozen, slow: keys of `INITIALISERS`.
        trainable: the same, or one of `OTHERS`.
    """
    return [
        *(Method(f"{name}, frozen", name) for name in frozen),
        *(_trainable(name) for name in trainable),
        *(Method(f"{name}, slow", name, False, slow=True) for name in slow),
    ]


def in_settings(some: Sequence[Method], settings: Sequence[str]) -> list[Method]:
    """Each method in each of `SETTINGS` that is asked for."""
    return [replace(method, setting=setting) for setting in settings for method in some]


def named(name: str) -> Method:
    """The method of a name, such as "text, frozen" or "linear"; a ValueError for another."""
    if name in OTHERS:
        return _trainable(name)
    initialisation, _, how = name.rpartition(", ")
    if how not in ("frozen", "trainable", "slow"):
        kinds = f"<initialisation>, frozen (or trainable, slow), or one of: {'; '.join(OTHERS)}"
        raise ValueError(f"unknown method {name!r}; it is {kinds}")
    return methods(**({"frozen": []} | {how: [initialisation]}))[0]


def _trainable(name: str) -> Method:
    if name == CONTRASTIVE:
        return Method(name, "text", objective=CONTRASTIVE)
    return Method(name if name in OTHERS else f"{name}, trainable", name, False)
