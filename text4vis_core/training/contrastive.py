"""Contrastive training, one of the paper's two points of comparison: videos and their class names as pairs.

    model.text_tower = TextTower(clip, names, template)
    fit(model, dataset, TrainingConfig(objective="contrastive"), ...)

Where the classifier of the paper is a fixed matrix, here the text tower is trained as well, and a batch's videos and
texts are contrasted with each other. B pairs of a batch, C classes, D width of an embedding.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional as F

from ..model.classifier import cosine_logits
from ..model.clip import Clip
from ..model.labels import TEMPLATES, prompts
from ..model.residual import still


class TextTower(nn.Module):
    """A copy of a CLIP's text tower, to be trained, with the prompts of the classes.

    Of their `names` as text, in the order of the labels, and a prompt template or the key of one in `labels.TEMPLATES`.
    """

    def __init__(self, clip: Clip, names: Sequence[str], template: str = TEMPLATES["published"]):
        super().__init__()
        self.tokens: Tensor
        self.names, self.template = list(names), template
        self.register_buffer("tokens", clip.tokenizer(prompts(names, template)))
        self.model = copy.deepcopy(clip.model, {id(clip.model.visual): nn.Identity()})  # the images' tower stays behind
        still(self.model)
        for name in ("logit_scale", "logit_bias", "text_decoder"):  # nothing that no text goes through
            if isinstance(getattr(self.model, name, None), nn.Parameter | nn.Module):
                delattr(self.model, name)
        self.clip = replace(clip, model=self.model)

    def forward(self, labels: Tensor) -> Tensor:
        """Text embeddings of the classes' prompts, not of unit length: int64 (B,) -> (B, D)."""
        classes, where = labels.unique(return_inverse=True)
        return self.model.encode_text(self.tokens[classes])[where]

    def class_embeddings(self, names: Sequence[str] | None = None, template: str | None = None) -> Tensor:
        """Text embeddings by the tower as it is now: float32 (C, D), rows of unit length, on the CPU.

        Of any class names in any template; its own when None.
        """
        return self.clip.class_embeddings(self.names if names is None else names, template or self.template)


def contrastive_loss(video_embeddings: Tensor, text_embeddings: Tensor, labels: Tensor, logit_scale: Tensor) -> Tensor:
    """The mean loss of a batch's video-text pairs, from video to text and from text to video: the mean of the two.

    Each direction is a softmax over the batch and the Kullback-Leibler divergence from it to the target, in which the
    pairs of one label share the probability evenly; without repeated labels it is CLIP's loss. (The release makes its
    target a softmax of 10 times the 0/1 matrix, which leaves e^-10 times as much for the pairs of other labels.)

    Row i of both embeddings (B, D), of any length, is pair i, whose label is int64 (B,); with the label -1 it is left
    out. `logit_scale` is the logarithm of the temperature's inverse.
    """
    logits = cosine_logits(video_embeddings, text_embeddings, logit_scale).float()
    real = labels >= 0
    target = ((labels[:, None] == labels) & real).float()
    target /= target.sum(1, keepdim=True).clamp_min(1)
    scores = [side.masked_fill(~real, -1e9).log_softmax(1) for side in (logits, logits.T)]
    return sum(F.kl_div(side, target, reduction="sum") for side in scores) / (2 * real.sum().clamp_min(1))
