"""Training steps and inference as quantities: the ratios over the yardsticks of `model`, and the share of a product."""

from collections.abc import Mapping
from typing import Any

from .measurement import Quantity, ratio

FASTER, GRADIENTS, SHARE = 1.9, 1e-4, 0.8  # limits
NAMES = {"published": "published code", "open_clip": "plain open_clip", "ours": "this project"}


def step_quantities(measured: Mapping[str, Any], miniature: bool = False) -> list[Quantity]:
    """What `model.step_times` measured: seconds of a step in each way, the ratios over this project's, gradients.

    Of the miniature model no speed is asked for.
    """
    steps = {way: Quantity(f"{name}, training step", measured[way], "s") for way, name in NAMES.items()}
    limits = {"published": None if miniature else FASTER, "open_clip": None}
    return [
        *steps.values(),
        *(
            ratio(f"training step, {NAMES[way]} / {NAMES['ours']}", measured[way], measured["ours"], "more", limit)
            for way, limit in limits.items()
        ),
        Quantity("gradients, largest relative difference", [measured["gradient_difference"]], limit=GRADIENTS),
    ]


def inference_quantities(measured: Mapping[str, Any], miniature: bool = False) -> list[Quantity]:
    """What `model.inference_rate` measured: the rates of matrix products and of inference, and its share of them.

    Of the miniature model no share is asked for.
    """
    products = [
        Quantity(f"product by {name}", rates, "GFLOP/s", "more") for name, rates in measured["products"].items()
    ]
    return [
        *products,
        Quantity("inference", measured["achieved"], "GFLOP/s", "more"),
        Quantity("inference / fastest product", measured["share"], "", "more", None if miniature else SHARE),
        Quantity("inference / fastest product by torch.mm", measured["torch_share"], "", "more"),
    ]
