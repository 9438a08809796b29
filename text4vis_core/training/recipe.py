"""How to train: the published recipe and its options, the learning rate's schedule, and which rate moves what."""

import math
from dataclasses import dataclass

from torch import nn

from ..model.video_classifier import VideoClassifier
from .objectives import OBJECTIVES

STRATEGIES = ("auto", "ddp", "fsdp")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. The defaults are the published recipe (Text4Vis, section 4.1), but for the options that are off.

    The release sets the rate at every tenth step; here it is set at every step, on the same curve.

    Attributes:
        epochs: passes over the videos.
        batch_size: videos per optimiser step, all micro-batches and all processes together.
        accumulate: micro-batches per step. In contrastive training a video meets the texts of its micro-batch only.
        lr: peak learning rate of new parameters (temporal module, trainable classifier).
        clip_lr_ratio: CLIP's parameters (image encoder, text tower, logit scale) move at this times `lr`.
        warmup_epochs: linear from zero to the peak; cosine to zero afterwards.
        weight_decay, betas, eps: of AdamW.
        grad_clip: largest gradient norm; None for no limit.
        label_smoothing: share of the target that all classes have evenly, in [0, 1).
        drop_path: rate of stochastic depth in the image encoder's last block, in [0, 1); it grows linearly from 0.
        gradient_checkpointing: compute the image encoder's blocks twice instead of keeping what is inside them. (The
            release always does.)
        objective: "classifier", or "contrastive", which trains `model.text_tower` too and needs no classifier.
        precision: "auto" (bf16 or fp16 mixed on CUDA, 32 bit on the CPU) or one of Fabric's.
        compile: compile the model (torch.compile); where that is not possible, train it as it is and say why.
        strategy: of several processes, see `hardware.make_fabric`: "fsdp" for models that no GPU holds whole.
        num_workers: processes that decode, for each process that trains.
        timeout: seconds that decoding one video may take, with workers; 0 for no limit.
        checkpoint_steps: steps between two checkpoints inside an epoch; 0: only at its end.
        seed: of the order of videos, their random clips and dropout.
    """

    epochs: int = 30
    batch_size: int = 256
    accumulate: int = 1
    lr: float = 5e-5
    clip_lr_ratio: float = 0.1
    warmup_epochs: float = 5
    weight_decay: float = 0.2
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    grad_clip: float | None = None
    label_smoothing: float = 0.0
    drop_path: float = 0.0
    gradient_checkpointing: bool = False
    objective: str = "classifier"
    precision: str = "auto"
    compile: bool = False
    strategy: str = "auto"
    num_workers: int = 0
    timeout: float = 0.0
    checkpoint_steps: int = 500
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate {self.accumulate} does not divide batch_size {self.batch_size}")
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise ValueError(f"warmup_epochs is {self.warmup_epochs}; it must lie between 0 and epochs, {self.epochs}")
        for name in ("label_smoothing", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0 and less than 1")
        for name in ("num_workers", "timeout", "checkpoint_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name, choices in (("objective", OBJECTIVES), ("strategy", STRATEGIES)):
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


def parameter_groups(model: VideoClassifier, config: TrainingConfig) -> list[dict]:
    """AdamW's two groups: CLIP's parameters, and everything new; each remembers its peak rate.

    As in the release, whose groups go by name, the temporal convolutions inside the encoder ("control_point") are new,
    and its time embedding moves with the encoder. Weight decay is on all of them.
    """
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            clips = name.split(".")[0] in ("visual", "text_tower", "logit_scale") and "control_point" not in name
            groups[clips].append(parameter)
    peaks = {True: config.lr * config.clip_lr_ratio, False: config.lr}
    return [{"params": groups[i], "lr": peaks[i], "peak_lr": peaks[i]} for i in (True, False) if groups[i]]
