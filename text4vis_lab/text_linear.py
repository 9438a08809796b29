"""A last layer that begins as text and learns as any linear layer does."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TextLinear(nn.Module):
    """A linear layer whose rows begin as text embeddings, its bias as zeros; all are trained.

    logits = exp(logit_scale) * (W v / norm(v) + b): the language-augmented initialisation of ELEVATER (Li et al.,
    NeurIPS 2022, arXiv 2204.08790, section 4.2).

    Args:
        rows: (C, D).
    """

    def __init__(self, rows: Tensor):
        super().__init__()
        self.frozen = False
        self.weight = nn.Parameter(rows.clone())
        self.bias = nn.Parameter(torch.zeros(len(rows)))

    def forward(self, video_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
        """(B, D), () -> logits (B, C)."""
        return logit_scale.exp() * F.linear(F.normalize(video_embeddings, dim=-1), self.weight, self.bias)
