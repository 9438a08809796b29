"""A page of predictions: a small film of each video with what the model says of it, the most doubtful first."""

import html
from pathlib import Path

import pandas as pd

from text4vis_core.data.reading import VideoError
from text4vis_core.files import replacing
from text4vis_core.processes import progress_bar

from ..models import Model
from ..moving import SCRIPT, STYLE, clip
from ..plain import readable

MOST = 400  # films on a page, of some KB each
LOOK = """<style>
:root{color-scheme:light dark}
body{font:1rem/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:75rem}
h1{font-size:1.4rem;margin:.3rem 0} ol{list-style:none;padding:0;display:grid;gap:1.2rem .9rem;
 grid-template-columns:repeat(auto-fill,minmax(min(11rem,45%),1fr))} li{min-width:0;overflow-wrap:anywhere}
.text4vis-clip,.text4vis-clip video{width:100%} .text4vis-clip video{aspect-ratio:4/3;object-fit:contain}
b{display:block} small{display:block;opacity:.85} .doubt{border-left:4px solid #D55E00;padding-left:.5rem}
</style>"""


def write_page(path: Path, model: Model, table: pd.DataFrame) -> None:
    """Write a page that needs nothing beside it; whole, or not at all.

    Args:
        path: of the HTML file.
        model: that was asked.
        table: of `Model.predict`, with two classes of each video.
    """
    items = [(certainty(rows), str(video), rows) for video, rows in table.groupby("video", sort=False)]
    items.sort(key=lambda item: item[:2])
    shown = [_item(video, rows) for _, video, rows in progress_bar(items[:MOST], "page", unit="video")]
    left = f" The {MOST} most doubtful of {len(items)} are shown." if len(items) > MOST else ""
    title = f"{len(items)} videos, as {readable(model.name)} sees them"
    body = f"<h1>{html.escape(title)}</h1><p>The most doubtful come first.{left}</p><ol>{''.join(shown)}</ol>"
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{html.escape(title)}</title>{LOOK}{STYLE}"
    text = f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main>{SCRIPT}</body></html>'
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def certainty(rows: pd.DataFrame) -> float:
    """How little there is to doubt of a video: by how much the first class leads, less 1 where there is a note.

    -2 where it cannot be read.
    """
    if (rows["error"] != "").any():
        return -2.0
    best = rows.sort_values("rank")["probability"].tolist()
    return (best[0] - best[1] if len(best) > 1 else 1.0) - (rows["note"] != "").any()


def _item(video: str, rows: pd.DataFrame) -> str:
    name = html.escape(readable(Path(video).name))
    short = html.escape(readable("/".join(Path(video).parts[-2:])))
    where = f'<small title="{html.escape(readable(video, 400))}">{short}</small>'
    first, *others = rows.sort_values("rank").to_dict("records")
    if first["error"]:
        return f'<li><div class="doubt"><b>{name}</b>cannot be read: {html.escape(first["error"])}{where}</div></li>'
    says = [f"{html.escape(row['class'])}, {100 * row['probability']:.0f}\u202f%" for row in (first, *others[:1])]
    doubt = f'<small class="doubt">{html.escape(first["note"])}</small>' if first["note"] else ""
    second = f"<small>then {says[1]}</small>" if len(says) > 1 else ""
    try:
        film = clip(video, f"{Path(video).name}: {first['class']}").body
    except (VideoError, RuntimeError) as error:
        film = f"<small>{html.escape(str(error))}</small>"
    return f"<li>{film}<b>{says[0]}</b>{second}{doubt}{where}</li>"
