"""What fine-tuning does to the rest, and three ways to keep it: each method has one strength, chosen without the rest.

    interpolated   weights between those before and those after training      WiSE-FT    arXiv 2109.01903
    distilled      embeddings kept near those of the encoder before           FROSTER    arXiv 2402.03241
    averaged       the mean of the weights after the last epochs              SWA        arXiv 1803.05407

    Cell(method, videos, tests, recipe, transfer=TRANSFERS["distilled"].at(2.0))      trained and tested so

A strength is chosen by the validation videos of the classes that are trained (`choose`): classes that are not trained
are there to be tested on. B videos, T frames, S pixels, D width of an embedding.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import world
from text4vis_core.training.recipe import TrainingConfig

from .inference.verdicts import FAILS, HOLDS, NON_INFERIORITY, decide, p_values

RESIDUAL = 0.1  # share of the residual layers' output, in FROSTER


@dataclass(frozen=True)
class Transfer:
    """What is kept of the model before a training. By default nothing is.

    Attributes:
        mix: share of the trained weights in those that are tested; 1 is the trained model, 0 the one before.
        distil: weight of the distillation in the loss; 0 is none.
        average: share of the epochs, the last ones, after which the weights are averaged; 0 is the last epoch alone.
    """

    mix: float | None = None
    distil: float = 0.0
    average: float = 0.0

    def __post_init__(self):
        for name, value in (("mix", self.mix or 0.0), ("average", self.average)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must lie between 0 and 1")
        if self.distil < 0:
            raise ValueError(f"distil is {self.distil}; it must be 0 or more")

    def of(self, method: str) -> str:
        """What tables call a method with it: "distilled text, frozen"."""
        settings = {"interpolated": self.mix is not None, "distilled": self.distil, "averaged": self.average}
        return " ".join([*(name for name, used in settings.items() if used), method])

    @property
    def columns(self) -> dict[str, float]:
        """Of `rows.COLUMNS`: the strength, where there is one."""
        found = {"mix": self.mix, "strength": self.distil or self.average or None}
        return {name: value for name, value in found.items() if value is not None}


NOTHING = Transfer()


@dataclass(frozen=True)
class Strength:
    """A method that keeps something, as far as its strength goes.

    Attributes:
        setting: of `Transfer`.
        values: that are tried; first those that keep most.
        published: the one of the method's paper, for where there are no validation videos.
    """

    setting: str
    values: tuple[float, ...]
    published: float

    def at(self, value: float) -> Transfer:
        """The method with this strength."""
        return Transfer(**{self.setting: value})


TRANSFERS = {
    # "alpha = 0.5 is close to optimal" on every data set of the paper (section 4).
    "interpolated": Strength("mix", (0.0, 0.25, 0.5, 0.75, 1.0), 0.5),
    # The release's DISTILLATION_RATIO.
    "distilled": Strength("distil", (8.0, 2.0, 0.5), 2.0),
    # The paper begins to average after three quarters of the budget (section 3.2).
    "averaged": Strength("average", (1.0, 0.5, 0.25), 0.25),
}


def interpolate(before: Mapping[str, Tensor], after: Mapping[str, Tensor], mix: float) -> dict[str, Tensor]:
    """Weights on the line between two models: (1 - mix) before + mix after (WiSE-FT, arXiv 2109.01903, equation 1).

    Args:
        before, after: state dictionaries with the same names and shapes. Whole numbers are those of `after`.
        mix: 0 gives `before`, 1 gives `after`, to the bit.
    """
    return {
        name: torch.lerp(tensor, after[name], mix) if tensor.is_floating_point() else after[name]
        for name, tensor in before.items()
    }


class Distillation(nn.Module):
    """Keeps embeddings near those of the model before training, but for what small residual layers may add.

        weight * (1 - cosine(v + 0.1 MLP(v), v_before)),   v, v_before of unit length

    Residual feature distillation of FROSTER (arXiv 2402.03241, section 3), as its release computes it: two layers
    without bias, the second of which begins at zero, so that the loss does too. There it is of each frame's embedding
    and of the text tower's as well; here of a video's, and the text tower is not trained.

    Args:
        model: before training.
        weight: of the loss.
    """

    def __init__(self, model: VideoClassifier, weight: float):
        super().__init__()
        self.weight = weight
        # In a list: it is no part of the model, whose checkpoints need not hold what the run begins with.
        self._before = [copy.deepcopy(model).requires_grad_(False).eval()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layers = nn.Linear(model.dim, model.dim, bias=False), nn.Linear(model.dim, model.dim, bias=False)
        nn.init.zeros_(layers[1].weight)
        self.residual = nn.Sequential(layers[0], nn.GELU(), layers[1]).to(model.logit_scale.device)

    def extra_repr(self) -> str:
        """Part of the run's fingerprint."""
        return f"weight={self.weight}"

    def forward(self, frames: Tensor, embeddings: Tensor) -> Tensor:
        """(B, T, 3, S, S), (B, D) -> the loss of each video (B,)."""
        with torch.no_grad():
            before = self._before[0].encode_video(frames)
        unit = F.normalize(embeddings.float(), dim=-1)
        return self.weight * (1 - F.cosine_similarity(unit + RESIDUAL * self.residual(unit), before.float(), dim=-1))


class LateMean(nn.Module):
    """The mean of a model's weights after the last epochs (SWA, arXiv 1803.05407, algorithm 1).

    It is part of the model that it averages, and so of its checkpoints: an interrupted run goes on with the mean, too.
    (torch's `AveragedModel` has to stand beside its model, and would be lost.) The rate falls to zero here, as in the
    published recipe, and does not stay high as in SWA: late weights are near each other, and it takes a mean over all
    epochs to be far from the last.

    Args:
        model: before training; what is trained of it is averaged.
        epochs: of the training.
        share: of them, over the last of which the mean is taken; at least one.
    """

    seen: Tensor

    def __init__(self, model: VideoClassifier, epochs: int, share: float):
        super().__init__()
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self.names, self.first = list(trained), epochs - max(1, round(share * epochs))
        self.means = nn.ParameterList(nn.Parameter(torch.zeros_like(p), requires_grad=False) for p in trained.values())
        self.register_buffer("seen", torch.tensor(0))

    def extra_repr(self) -> str:
        """Part of the run's fingerprint."""
        return f"first={self.first}"

    @torch.no_grad()
    def after_epoch(self, model: VideoClassifier) -> None:
        """Take the model's weights into the mean, if the epoch is late enough."""
        self.seen += 1
        count = int(self.seen) - self.first
        if count > 0:
            for name, mean in zip(self.names, self.means, strict=True):
                mean.lerp_(model.get_parameter(name), 1 / count)

    def weights(self) -> dict[str, Tensor]:
        """The mean of each parameter that was trained."""
        return {name: mean.detach() for name, mean in zip(self.names, self.means, strict=True)}


class Kept:
    """A training that keeps something of the model before.

    Args:
        model: before training; it is prepared for it.
        transfer: what is kept.
        recipe: of the training. A ValueError for strategy "fsdp" on several processes, whose weights are in shards
            that cannot be mixed here, and for a distillation with the objective "contrastive", which has no place
            for it.
    """

    def __init__(self, model: VideoClassifier, transfer: Transfer, recipe: TrainingConfig):
        if recipe.strategy == "fsdp" and world() > 1 and (transfer.average or transfer.mix is not None):
            raise ValueError("strategy 'fsdp' has no whole weights to mix or average; choose 'ddp'")
        if recipe.objective == "contrastive" and transfer.distil:
            raise ValueError("distillation goes with the objective 'classifier', not with 'contrastive'")
        self.transfer = transfer
        self.before: dict[str, Tensor] = {}
        if transfer.mix is not None:
            self.before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if transfer.average:
            model.add_module("average", LateMean(model, recipe.epochs, transfer.average))
        if transfer.distil:
            model.penalty = Distillation(model, transfer.distil)

    def after_epoch(self, model: VideoClassifier) -> None:
        """After each epoch, before the run is saved."""
        if self.transfer.average:
            model.average.after_epoch(model)  # type: ignore[operator, union-attr]

    def finish(self, model: VideoClassifier) -> None:
        """After training: the weights that are to be tested, and nothing else."""
        model.penalty = None
        weights: dict[str, Tensor] = {}
        if self.transfer.average:
            weights = model.average.weights()  # type: ignore[operator, union-attr]
            del model.average
        weights = {**model.state_dict(), **weights}
        if self.transfer.mix is not None:
            weights = interpolate(self.before, weights, self.transfer.mix)
        model.load_state_dict(weights)


def choose(rows: pd.DataFrame, strength: str, test: str = "validation") -> float:
    """The strength of the highest mean accuracy over seeds on validation videos; of equal ones, the first of the rows.

    Args:
        rows: of one method, with the tests of all its strengths.
        strength: the column, "mix" or "strength".
        test: name of the validation videos' test, of trained classes alone.

    Raises:
        ValueError: no row is of that test.
    """
    known = rows[rows["test"] == test].dropna(subset=strength)
    if known.empty:
        raise ValueError(f"no row has a {strength} and the test {test!r}: test every strength on validation videos")
    return float(known.groupby(strength, sort=False)["top1"].mean().idxmax())


def transfers(strengths: Mapping[str, Sequence[float]]) -> list[Transfer]:
    """Each method at each of its strengths, as a notebook's parameter `strengths` has them.

    Raises:
        ValueError: a name that is not in `TRANSFERS`, or a strength that cannot be.
    """
    for name in strengths:
        if name not in TRANSFERS:
            raise ValueError(f"parameter strengths: unknown {name!r}; choose from: {', '.join(TRANSFERS)}")
    return [TRANSFERS[name].at(value) for name, values in strengths.items() for value in values]


def with_ends(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows with both ends of a method's path: what was tested before training as mix 0, and after it as mix 1.

    Args:
        rows: of "zero-shot", of the method and of the weights between.
        method: such as "text, frozen", whose weights are mixed; without any that are, nothing is added.
    """
    name = Transfer(mix=0.5).of(method)
    between = rows[rows["method"] == name]
    if between.empty:
        return rows
    ends = [
        rows[rows["method"] == end].assign(method=name, mix=mix) for end, mix in (("zero-shot", 0.0), (method, 1.0))
    ]
    path = pd.concat([ends[0], between[~between["mix"].isin([0.0, 1.0])], ends[1]]).sort_values("mix", kind="stable")
    return pd.concat([rows[rows["method"] != name], path], ignore_index=True)


def at_chosen(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of each method at the strength that `choose` finds, and that strength; methods without any as they are."""
    kept, found = [], {}
    for method, some in rows.groupby("method", sort=False):
        for column in ("mix", "strength"):
            if column in some and some[column].notna().any():
                found[str(method)] = choose(some, column)
                some = some[some[column] == found[str(method)]]
        kept.append(some)
    return pd.concat(kept, ignore_index=True), found


def beside(
    rows: pd.DataFrame, difference: Callable[..., Any], tests: Sequence[str] = ("base", "novel")
) -> pd.DataFrame:
    """Accuracy of each method with the interval of what it gained over zero-shot, whose own accuracy is as it is.

    Groups of videos differ much, and in the same way for every method: their spread is in no gain.

    Args:
        rows: of "zero-shot" and of other methods, each at one strength.
        difference: from rows ahead and rows behind to an `inference.Difference`: `lab.difference`.
        tests: that all have.

    Returns:
        Columns method, test, mean, low, high in percent, and gain, the difference; that of zero-shot is None.
    """
    found = []
    for test in tests:
        of_test = rows[rows["test"] == test]
        before = of_test[of_test["method"] == "zero-shot"]
        level = float(before["top1"].mean())
        nothing = {"low": float("nan"), "high": float("nan"), "gain": None}
        found.append({"method": "zero-shot", "test": test, "mean": level} | nothing)
        for method, some in of_test[of_test["method"] != "zero-shot"].groupby("method", sort=False):
            gain = difference(some, before)
            ends = {"mean": level + gain.mean, "low": level + gain.low, "high": level + gain.high}
            found.append({"method": method, "test": test} | ends | {"gain": gain})
    return pd.DataFrame(found)


def gains_in_words(points: pd.DataFrame, margin: float) -> list[str]:
    """What each method gained on base classes, and whether it kept the novel ones: a sentence each.

    Args:
        points: of `beside`.
        margin: points below zero-shot by which novel classes still count as kept.
    """
    said = []
    for method, gain in points.dropna(subset="gain").groupby("method", sort=False):
        base, novel = (gain.set_index("test")["gain"][test] for test in ("base", "novel"))
        [(verdict, _)] = decide([p_values(NON_INFERIORITY, margin, novel.estimate)])
        told = {HOLDS: "these are kept", FAILS: f"more than {margin:g} of these are lost"}
        ends = [f"{each.mean:+.1f} points [{each.low:.1f}, {each.high:.1f}]" for each in (base, novel)]
        said.append(
            f'"{method}" gains {ends[0]} on base classes over zero-shot and {ends[1]} on novel ones: '
            f"{told.get(verdict, f'it is undecided whether at most {margin:g} of these are lost')} (over {base.over})."
        )
    return said
