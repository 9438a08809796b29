"""What training minimises: a module from a batch to the sum of its losses and whether each video is got right.

Objectives have one shape, so that one training loop serves them all. A row with the label -1 is no video: it fills up a
process's batch, and counts for nothing. B videos, T frames, S pixels, C classes.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from ..model.video_classifier import VideoClassifier
from .contrastive import contrastive_loss


class ClassifierObjective(nn.Module):
    """What `fit` minimises for the objective "classifier": cross-entropy of the model's own logits, and its `penalty`.

    Args:
        model: with its classifier set; a RuntimeError without.
        label_smoothing: in [0, 1).
    """

    def __init__(self, model: VideoClassifier, label_smoothing: float = 0.0):
        super().__init__()
        if model.classifier is None:
            raise RuntimeError("the model has no classifier yet: call set_classifier before fit")
        self.model, self.label_smoothing = model, label_smoothing

    def forward(self, frames: Tensor, labels: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Sum of the losses over the videos, and whether each one's first class is right: scalar, bool (B,).

        Args:
            frames: (B, T, 3, S, S).
            labels: (B,), the class of each video; -1 for no video.
            targets: 0/1 (B, C) for videos with several labels, which then share the target evenly; any one is right.
        """
        embeddings = self.model.encode_video(frames)
        logits = self.model.own_logits(embeddings).float()
        first, real = logits.detach().argmax(-1), labels >= 0
        if targets is None:
            truth, right = labels.clamp_min(0), first == labels
        else:
            truth = targets / targets.sum(1, keepdim=True).clamp_min(1)  # a video may have no label at all
            right = targets.gather(1, first[:, None])[:, 0] > 0
        losses = F.cross_entropy(logits, truth, label_smoothing=self.label_smoothing, reduction="none")
        if self.model.penalty is not None:
            losses = losses + self.model.penalty(frames, embeddings)
        return (losses * real).sum(), right & real


class ContrastiveObjective(nn.Module):
    """What `fit` minimises for the objective "contrastive".

    Args:
        model: with its `text_tower` set; a RuntimeError without.
        gather: (B, ...) -> (processes * B, ...), with gradients: the rows of all processes, of which each must have as
            many.
    """

    def __init__(self, model: VideoClassifier, gather: Callable[[Tensor], Tensor]):
        super().__init__()
        if model.text_tower is None:
            remedy = "set model.text_tower = TextTower(clip, class_names, template) before fit"
            raise RuntimeError(f"the model has no text tower, which contrastive training needs: {remedy}")
        self.model, self.gather = model, gather

    def forward(self, frames: Tensor, labels: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """This process's share of the sum of losses, and whether each video is closest to a text of its own label.

        The loss is one of the pairs of all processes, and of its sum each has an equal share. Its gradients, summed
        over processes, are those of the whole batch in one. Arguments are those of `ClassifierObjective`, but for
        `targets`: None, and a ValueError for videos with several labels.
        """
        if targets is not None:
            raise ValueError("objective 'contrastive' pairs a video with one class name; these have several labels")
        video = F.normalize(self.model.encode_video(frames), dim=-1)
        text = F.normalize(self.model.text_tower(labels.clamp_min(0)), dim=-1)
        texts, known = self.gather(text), self.gather(labels)
        real = known >= 0
        loss = contrastive_loss(self.gather(video), texts, known, self.model.logit_scale)
        similarity = (video.detach() @ texts.detach().T).masked_fill(~real, -2.0)  # less than any cosine
        right = known[similarity.argmax(1)] == labels
        return loss * real.sum() * len(labels) / len(known), right & (labels >= 0)


def gather_rows(fabric, rows: Tensor) -> Tensor:
    """The rows of all of a Lightning Fabric's processes, with gradients: (B, ...) -> (processes * B, ...)."""
    return fabric.all_gather(rows, sync_grads=True).flatten(0, 1) if fabric.world_size > 1 else rows
