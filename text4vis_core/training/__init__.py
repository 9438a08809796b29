"""How a model is fine-tuned: the recipe, what is minimised, the loop, how it uses the hardware."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "TrainingConfig": "recipe",
        "warmup_cosine": "recipe",
        "parameter_groups": "recipe",
        "fit": "loop",
        "Fit": "loop",
        "AfterEpoch": "loop",
        "make_fabric": "hardware",
        "PRECISIONS": "recipe",
        "STRATEGIES": "recipe",
        "contrastive_loss": "contrastive",
        "TextTower": "contrastive",
        "OBJECTIVES": "recipe",
    },
)
