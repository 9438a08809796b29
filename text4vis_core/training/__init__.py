"""How a model is fine-tuned: the recipe, what is minimised, the loop, how it uses the hardware."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "recipe": "TrainingConfig warmup_cosine parameter_groups PRECISIONS STRATEGIES OBJECTIVES",
        "loop": "fit Fit AfterEpoch",
        "hardware": "make_fabric",
        "contrastive": "contrastive_loss TextTower",
    },
)
