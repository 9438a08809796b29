"""Last layers that learn as any linear layer does: the usual one, and one that begins as text."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LinearClassifier(nn.Module):
    """The usual last layer, with bias, no cosine and no temperature: the paper's vision-only baseline.

    Rows begin as normal numbers of standard deviation 0.01, the bias as zeros, as is usual in video recognition
    (Feichtenhofer et al., SlowFast networks, ICCV 2019).

    Args:
        num_classes: C.
        dim: D.
        seed: of the rows.
    """

    def __init__(self, num_classes: int, dim: int, seed: int = 0):
        super().__init__()
        self.frozen = False
        self.weight = nn.Parameter(0.01 * torch.randn(num_classes, dim, generator=torch.Generator().manual_seed(seed)))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, video_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
        """(B, D) -> logits (B, C); the scale, which the cosine classifier needs, is not used."""
        return F.linear(video_embeddings, self.weight, self.bias)


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
