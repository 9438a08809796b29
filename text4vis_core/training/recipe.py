"""How to train: the published recipe and its options, the learning rate's schedule, and which rate moves what."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:  # a recipe alone does without torch
    from ..model.video_classifier import VideoClassifier

OBJECTIVES = ("classifier", "contrastive")
STRATEGIES = ("auto", "ddp", "fsdp")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")  # in fp16 AdamW's eps is 0


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. The defaults are the published recipe (Text4Vis, section 4.1); its options are off.

    The release sets the rate at every tenth step; here it is set at every step, on the same curve.
    """

    epochs: Annotated[int, "passes over the videos"] = 30
    batch_size: Annotated[int, "videos of an optimiser step, all micro-batches and processes together"] = 256
    accumulate: Annotated[int, "micro-batches of a step; contrasted are the texts and videos of one"] = 1
    lr: Annotated[float, "peak learning rate of what is new: temporal module, trainable classifier"] = 5e-5
    clip_lr_ratio: Annotated[float, "share of it of CLIP's parameters: both towers, logit scale"] = 0.1
    rows_lr_ratio: Annotated[float, "share of it of a trainable classifier"] = 1.0
    warmup_epochs: Annotated[float, "linear from zero to the peak; cosine to zero afterwards"] = 5
    weight_decay: Annotated[float, "of AdamW"] = 0.2
    betas: Annotated[tuple[float, float], "of AdamW"] = (0.9, 0.999)
    eps: Annotated[float, "of AdamW"] = 1e-8
    grad_clip: Annotated[float | None, "largest gradient norm; None, 0 in a notebook: no limit"] = None
    label_smoothing: Annotated[float, "share of the target that all classes have evenly, in [0, 1)"] = 0.0
    drop_path: Annotated[float, "stochastic depth of the encoder's last block, in [0, 1); linear from 0"] = 0.0
    gradient_checkpointing: Annotated[bool, "compute the encoder's blocks twice: less memory for more time"] = False
    objective: Annotated[str, "classifier, or contrastive, which trains the text tower too", OBJECTIVES] = "classifier"
    precision: Annotated[str, "auto: mixed on CUDA, 32 bit on the CPU; or one of Fabric's", PRECISIONS] = "auto"
    compile: Annotated[bool, "torch.compile; where that is not possible the model is trained as it is"] = False
    strategy: Annotated[str, "of several processes; fsdp for models that no GPU holds whole", STRATEGIES] = "auto"
    num_workers: Annotated[int, "processes that decode, for each that trains"] = 0
    timeout: Annotated[float, "seconds that decoding one video may take, with workers; 0: no limit"] = 0.0
    checkpoint_steps: Annotated[int, "steps between checkpoints inside an epoch; 0: only at its end"] = 500
    seed: Annotated[int, "of the order of videos, their random clips and dropout"] = 0

    def __post_init__(self):
        for names, right, rule in (
            (("epochs", "batch_size", "accumulate"), lambda value: value >= 1, "at least 1"),
            (("label_smoothing", "drop_path"), lambda value: 0 <= value < 1, "at least 0 and less than 1"),
            (("num_workers", "timeout", "checkpoint_steps"), lambda value: value >= 0, "0 or more"),
            (("compile", "gradient_checkpointing"), lambda value: isinstance(value, bool), "True or False"),
        ):
            for name in names:
                if not right(getattr(self, name)):
                    raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {rule}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate {self.accumulate} does not divide batch_size {self.batch_size}")
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise ValueError(f"warmup_epochs is {self.warmup_epochs}; it must lie between 0 and epochs, {self.epochs}")
        for name, choices in (("objective", OBJECTIVES), ("precision", PRECISIONS), ("strategy", STRATEGIES)):
            if getattr(self, name) not in choices:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; choose from: {', '.join(choices)}")
        if self.objective == "contrastive" and self.label_smoothing:
            raise ValueError("label_smoothing is of the objective 'classifier'; set it to 0 for 'contrastive'")


def warmup_cosine(epoch: float, total_epochs: float, warmup_epochs: float) -> float:
    """The learning rate's factor in [0, 1] at a fractional epoch: linear from zero, then cosine to zero."""
    if epoch < warmup_epochs:
        return epoch / warmup_epochs
    if total_epochs <= warmup_epochs:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup_epochs) / (total_epochs - warmup_epochs)))


def parameter_groups(model: "VideoClassifier", config: TrainingConfig) -> list[dict]:
    """AdamW's groups: CLIP's parameters, and everything new (rows apart at another rate); each remembers its peak rate.

    As in the release, whose groups go by name, the temporal convolutions inside the encoder ("control_point") are new,
    and its time embedding moves with the encoder. Weight decay is on all of them.
    """
    groups: dict[tuple[bool, float], list] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            clips = name.split(".")[0] in ("visual", "text_tower", "logit_scale") and "control_point" not in name
            share = config.clip_lr_ratio if clips else config.rows_lr_ratio if name.startswith("classifier.") else 1.0
            groups.setdefault((clips, share), []).append(parameter)
    return [{"params": some, "lr": (rate := config.lr * share), "peak_lr": rate} for (_, share), some in groups.items()]
