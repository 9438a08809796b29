"""A panel of widgets for JupyterLab that asks the functions of the notebook: choose, write, and everything follows.

What is computed is computed beside the kernel's own work; the panel says what it is at, and when something cannot be,
what, and what to do about it. Of changes that come while it works, the last one counts.
"""

import html
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import ipywidgets as widgets

from text4vis_core.data.video import open_video
from text4vis_core.files import replacing

from .. import miniature
from ..answering import of_papermill
from ..figures.showing import EMBEDDED, MIME, spec_of
from ..model_files.folder import is_model
from ..models.model import Model
from ..models.opening import open_model
from ..naming import checked_names
from ..plain import file_name, readable
from ..refusals import in_two_lines
from .asking import Asked, usual_names
from .looking import Look, familiar, films, look, nearest, reworded_table
from .page import Frames, neighbours, pictured, playing, poster
from .telling import answers, over_time

UPLOADS = Path("runs/interactive/00_quickstart/uploads")
TRAINED = ("runs/*/*/model/model.json", "runs/*/*/models/*/model.json")
WIDE = widgets.Layout(width="100%")
TILE = widgets.Layout(width="100%", padding="0")
CHART = 640  # pixels of the chart's width
NAMED = {"description_width": "7.5em"}


@dataclass(frozen=True)
class Request:
    """What the widgets ask for: a video, its class where it is known, names, prompt, and model."""

    path: str
    truth: str
    names: tuple[str, ...]
    template: str
    model: str
    pretrained: str
    frames: int


def panel(asked: Asked) -> Any:
    """The panel, where JupyterLab shows it; elsewhere a sentence in its place, as on a page that nobody can ask.

    Args:
        asked: what it begins with.
    """
    if "JPY_SESSION_NAME" in os.environ and not of_papermill(os.getppid()):
        return Panel(asked).widget
    text = "Run in JupyterLab (make lab), this notebook has a panel here."
    return Frames(f"<p><em>{text}</em></p>", text)


class Panel:
    """Widgets, and what they show.

    Attributes:
        widget: all of it.
        status: what is at work, or what went wrong and what to do.
        shown: of each part of the answer what is shown, an `Output`.
    """

    def __init__(self, asked: Asked, begin: bool = True):
        self._lock, self._thread = Lock(), Thread()
        self._wanted: Request | None = None
        self._models: dict[tuple[str, str, int], Model] = {}
        self._films = films()
        classes, facts = asked.model.classes, asked.model.facts
        self.path = _text("Video", asked.path, "path of a video file, or of a folder of frames")
        self.upload = widgets.FileUpload(description="or a file", layout=widgets.Layout(width="auto", min_width="9em"))
        self.names = widgets.Textarea(
            "\n".join(classes), description="Class names", style=NAMED, rows=6, layout=WIDE, continuous_update=False
        )
        self.template = _text("Prompt", asked.model.template or facts.template, "{} is the class name")
        name = asked.model.folder.as_posix() if asked.model.folder else str(facts.clip.get("model", "mini_clip"))
        trained = sorted(path.parent.as_posix() for pattern in TRAINED for path in Path().glob(pattern))
        self.model = widgets.Combobox(
            value=name,
            options=list(dict.fromkeys([*miniature.MODELS, *trained])),
            description="Model",
            style=NAMED,
            layout=WIDE,
            continuous_update=False,
        )
        self.pretrained = _text(
            "Weights", str(facts.clip.get("pretrained", "")), "of an open_clip name, such as openai"
        )
        self.frames = widgets.IntSlider(
            asked.model.num_frames, 1, 32, description="Frames", style=NAMED, layout=WIDE, continuous_update=False
        )
        self.status = widgets.HTML()
        self.shown = {part: widgets.Output() for part in ("clip", "answer", "chart", "frames", "near")}
        for each in (self.path, self.names, self.template, self.model, self.pretrained, self.frames):
            each.observe(self._changed, "value")
        self.upload.observe(self._uploaded, "value")
        self.buttons: dict[str, widgets.Button] = {}
        self.widget = self._arranged()
        if begin:
            self._changed()

    def choose(self, action: str) -> None:
        """Look at a test film of an action of the miniature."""
        self.path.value = self._films[action]

    def wait(self) -> None:
        """Until nothing is at work."""
        while self._thread.is_alive():
            self._thread.join()

    def request(self) -> Request:
        """What the widgets ask for now."""
        names = tuple(part for part in self.names.value.replace(",", "\n").splitlines() if part.strip())
        path = self.path.value.strip()
        truth = next((name for name, film in self._films.items() if film == path), "")
        texts = (each.value.strip() for each in (self.model, self.pretrained))
        model, pretrained = texts
        return Request(path, truth, names, self.template.value, model, pretrained, self.frames.value)

    def _arranged(self) -> widgets.Widget:
        tiles = []
        for action, film in self._films.items():
            small = widgets.ButtonStyle(font_size="11px")
            button = widgets.Button(description=action, layout=TILE, style=small, tooltip=f"look at {action}")
            self.buttons[action] = button
            self.buttons[action].on_click(lambda _, action=action: self.choose(action))
            picture = widgets.Image(value=poster(film), format="webp", layout=WIDE)
            tiles.append(widgets.VBox([picture, self.buttons[action]], layout=widgets.Layout(min_width="0")))
        columns = "repeat(auto-fill, minmax(7.5em, 1fr))"
        grid = widgets.Layout(grid_template_columns=columns, grid_gap="4px", max_height="19em", overflow="auto")
        own = widgets.HBox([self.path, self.upload])
        asked = [own, self.names, self.template, self.model, self.pretrained, self.frames]
        left = widgets.VBox([*asked, self.status], layout=widgets.Layout(flex="1 1 22em", min_width="0"))
        right = widgets.VBox(
            [self.shown["clip"], self.shown["answer"]], layout=widgets.Layout(flex="1 1 20em", min_width="0")
        )
        row = widgets.Layout(display="flex", flex_flow="row wrap")
        rest = [self.shown[part] for part in ("chart", "frames", "near")]
        return widgets.VBox([widgets.GridBox(tiles, layout=grid), widgets.Box([left, right], layout=row), *rest])

    def _uploaded(self, change: Any = None) -> None:
        def write() -> None:
            for file in self.upload.value:
                suffix = Path(file["name"]).suffix
                path = UPLOADS / f"{file_name(Path(file['name']).stem) or 'video'}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as temporary:
                    temporary.write_bytes(file["content"])
                self.path.value = path.as_posix()

        self._guarded(write)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # whatever it is, the panel shows it
            self._say_failed(error)

    def _changed(self, change: Any = None) -> None:
        self._say("Looking ...")
        with self._lock:
            self._wanted = self.request()
            if self._thread.is_alive():
                return
            self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                request, self._wanted = self._wanted, None
            if request is None:
                return
            self._guarded(partial(self._follow, request))

    def _follow(self, request: Request) -> None:
        for said, part, shown in self._steps(request):
            if part:
                self.shown[part].outputs = (_output(shown),)
            if self._wanted is not None:  # something else is asked for by now
                return
            self._say(said)

    def _steps(self, request: Request) -> Iterator[tuple[str, str, Any]]:
        """What is said while a part is made, and then which part is to be shown how."""
        names = checked_names("class_names", request.names)
        open_video(request.path)
        yield f"Loading {request.model} ...", "", None
        model = self._model(request, names)
        yield f"Reading {readable(request.path, 60)} ...", "", None
        seen = look(model, request.path)
        told = over_time(seen, request.truth)
        yield "Cutting the clip ...", "chart", _chart(told)
        yield "Asking how familiar the video is ...", "clip", playing(seen, 240)
        yield "Drawing maps ...", "answer", self._answer(seen, request)
        yield "Comparing with other videos ...", "frames", pictured(seen)
        yield "", "near", neighbours(seen, nearest(seen, progress=None))

    def _model(self, request: Request, names: list[str]) -> Model:
        key, trained = (request.model, request.pretrained, request.frames), is_model(request.model)
        names = names or usual_names(request.model, trained, own_video=not request.truth)
        if key not in self._models:
            labels = [] if trained else names
            opened = open_model(request.model, labels, pretrained=request.pretrained, num_frames=request.frames)
            self._models = {key: opened}
        model = self._models[key]
        own = trained and (not names or names == list(model.facts.classes)) and request.template == model.facts.template
        return model if own else model.with_labels(names or model.classes, request.template)

    def _answer(self, seen: Look, request: Request) -> Frames:
        first, *others = answers(seen, request.truth, reworded_table(seen, {}), familiar(seen))
        text = " ".join([first, *others])
        rest = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in others)
        return Frames(f'<p aria-live="polite"><strong>{html.escape(first)}</strong></p>{rest}', text)

    def _say(self, text: str) -> None:
        bar = f'<progress aria-label="at work"></progress> {html.escape(text)}' if text else ""
        self.status.value = f'<div role="status">{bar}</div>'

    def _say_failed(self, error: BaseException) -> None:
        what, remedy = (html.escape(readable(line, 240)) for line in in_two_lines(error))
        self.status.value = f'<div role="alert"><strong>{what}</strong><br>{remedy}</div>'


def _text(name: str, value: str, hint: str) -> widgets.Text:
    return widgets.Text(value, description=name, placeholder=hint, style=NAMED, layout=WIDE, continuous_update=False)


def _chart(told: dict[str, Any]) -> dict[str, Any]:
    # Of a set width: one that follows its place, which follows it, is drawn again without end.
    spec = {**spec_of(told["draw"](told["data"], **told["options"]), told["alt"]), "width": CHART}
    return {"data": {MIME: spec, "text/plain": told["alt"]}, "metadata": {MIME: EMBEDDED}}


def _output(shown: Any) -> dict[str, Any]:
    if not isinstance(shown, dict):
        shown = {"data": {"text/html": shown._repr_html_(), "text/plain": repr(shown)}, "metadata": {}}
    return {"output_type": "display_data"} | shown
