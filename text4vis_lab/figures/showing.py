"""A figure on a page: drawn from a tidy table, with caption, alternative text, data, and how to draw it again."""

import base64
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from text4vis_core.files import replacing


@dataclass(frozen=True)
class Shown:
    """A figure as a notebook displays it, and as a page of the book takes it.

    Attributes:
        data: media type -> content.
        metadata: caption, alternative text, and names of the files beside the record.
    """

    data: Mapping[str, Any]
    metadata: Mapping[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return dict(self.data), dict(self.metadata)


def show(
    draw: Callable[..., Any],
    data: pd.DataFrame,
    name: str,
    texts: tuple[str, str],
    options: Mapping[str, Any],
    folder: Path,
) -> Shown:
    """Draw a figure of a table, and leave the table and what was asked for beside it.

    Args:
        draw: a function of this package: a table, and plain options, to a figure.
        data: the table, tidy.
        name: of its files, unique in the run.
        texts: caption, and alternative text.
        options: of `draw`, plain values.
        folder: where `name`.csv and `name`.json go.
    """
    figure = draw(data, **options)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{name}.csv") as path:
        data.to_csv(path, index=False)
    caption, alt = texts
    asked = {"draw": draw.__name__, "options": dict(options), "caption": caption, "alt": alt}
    with replacing(folder / f"{name}.json") as path:
        path.write_text(json.dumps(asked, indent=1))
    png = io.BytesIO()
    figure.savefig(png, format="png")
    plt.close(figure)
    return Shown(
        {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": f"{caption} {alt}"},
        {"text4vis": asked | {"csv": f"figures/{name}.csv"}},
    )
