"""Matrices over classes: who is taken for whom, and how near class embeddings are."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from ..plain import readable
from .style import labels


def correlation_maps(maps: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Inter-class correlation maps side by side: title -> (C, C) of cosines (figure 1 of the Text4Vis paper).

    Names for which a map has no room are left out.
    """
    side = 8.6 / len(maps)
    size = min(7.5, 56 * (side - 0.6) / len(names))  # points; so names stay apart
    shown = labels(names) if size >= 4 else False
    fig, axes = plt.subplots(1, len(maps), figsize=(8.6, side + 0.9), squeeze=False)
    for i, (ax, (title, cosines)) in enumerate(zip(axes[0], maps.items(), strict=True)):
        sns.heatmap(
            np.asarray(cosines),
            vmin=-1,
            vmax=1,
            cmap="RdBu_r",
            square=True,
            cbar=False,
            xticklabels=shown,
            yticklabels=i == 0 and shown,
            ax=ax,
        )
        ax.set_title("\n".join(map(readable, title.split("\n"))), fontsize=9)
        ax.tick_params(labelsize=size, length=0)
    fig.colorbar(axes[0, 0].collections[0], ax=axes, shrink=0.7, label="cosine between classes")
    return fig
