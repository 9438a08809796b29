"""What training minimises: a module from a batch to its mean loss and whether each video is got right.

Objectives have one shape, so that one training loop serves them all.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from .contrastive import contrastive_loss
from .model import VideoClassifier

OBJECTIVES = ("classifier", "contrastive")


class ClassifierObjective(nn.Module):
    """What `fit` minimises for the objective "classifier": cross-entropy of the model's own logits.

    Args:
        model: with its classifier set.
        label_smoothing: in [0, 1).

    Raises:
        RuntimeError: the model has no classifier.
    """

    def __init__(self, model: VideoClassifier, label_smoothing: float = 0.0):
        super().__init__()
        if model.classifier is None:
            raise RuntimeError("the model has no classifier yet: call set_classifier before fit")
        self.model, self.label_smoothing = model, label_smoothing

    def forward(self, frames: Tensor, labels: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean loss over the videos, and whether each one's first class is right: scalar, bool (B,).

        Args:
            frames: (B, T, 3, S, S).
            labels: (B,), the class of each video.
            targets: 0/1 (B, C) for videos with several labels, which then share the target evenly; any one is right.
        """
        logits = self.model(frames).float()
        first = logits.detach().argmax(-1)
        if targets is None:
            truth, right = labels, first == labels
        else:
            truth = targets / targets.sum(1, keepdim=True).clamp_min(1)  # a video may have no label at all
            right = targets.gather(1, first[:, None])[:, 0] > 0
        return F.cross_entropy(logits, truth, label_smoothing=self.label_smoothing), right


class ContrastiveObjective(nn.Module):
    """What `fit` minimises for the objective "contrastive".

    Args:
        model: with its `text_tower` set.
        gather: (B, ...) -> (processes * B, ...), with gradients: the rows of all processes, of which each must have as
            many. Averaged over processes, the gradients are those of the whole batch in one.

    Raises:
        RuntimeError: the model has no text tower.
    """

    def __init__(self, model: VideoClassifier, gather: Callable[[Tensor], Tensor]):
        super().__init__()
        if model.text_tower is None:
            raise RuntimeError(
                "the model has no text tower, which contrastive training needs: set "
                "model.text_tower = TextTower(clip, class_names, template) before fit"
            )
        self.model, self.gather = model, gather

    def forward(self, frames: Tensor, labels: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean loss over the pairs of all processes, and whether each video is closest to a text of its own label.

        Args:
            frames: (B, T, 3, S, S).
            labels: (B,), the class of each video.
            targets: not for videos with several labels.

        Raises:
            ValueError: videos with several labels.
        """
        if targets is not None:
            raise ValueError("objective 'contrastive' pairs a video with one class name; these have several labels")
        video = F.normalize(self.model.encode_video(frames), dim=-1)
        text = F.normalize(self.model.text_tower(labels), dim=-1)
        texts, known = self.gather(text), self.gather(labels)
        loss = contrastive_loss(self.gather(video), texts, known, self.model.logit_scale)
        return loss, known[(video.detach() @ texts.detach().T).argmax(1)] == labels


def gather_rows(fabric, rows: Tensor) -> Tensor:
    """The rows of all of a Lightning Fabric's processes, with gradients: (B, ...) -> (processes * B, ...)."""
    return fabric.all_gather(rows, sync_grads=True).flatten(0, 1) if fabric.world_size > 1 else rows
