"""What there is to type. Nothing heavy is imported before a command runs: `--help` is there at once."""

from pathlib import Path
from typing import Annotated

import typer

# Of each command; its help shows them and a test runs them, in this order, in a folder of videos.
EXAMPLES = {
    "classify": [
        'text4vis classify video.mp4 --labels "playing guitar, playing violin, archery"',
        "text4vis classify video.mp4 --model mini_clip --top 3 --json",
    ],
    "train": [
        "text4vis train my_videos --shots 2 --out runs/mine",
        "text4vis train my_videos --shots 1 --seed 1 --out runs/other",
    ],
    "predict": [
        "text4vis predict my_videos --model runs/mine --out predictions.csv",
        "text4vis predict my_videos --model runs/mine --out predictions.parquet --top 3 --page page.html",
        'text4vis predict my_videos --labels "archery, juggling balls"',
    ],
    "embed": ["text4vis embed my_videos --model runs/mine --out runs/my_embeddings"],
    "check": ["text4vis check my_videos", "text4vis check my_videos --every-frame --out problems.csv"],
    "prepare": ["text4vis prepare my_videos prepared --short-side 64"],
    "runs": ["text4vis runs", "text4vis runs runs/mine --json"],
    "compare": [
        "text4vis compare runs/mine runs/other",
        "text4vis compare runs/mine ucf101-vitl14-f16 --page why.html",
    ],
    "recompute": ["text4vis recompute runs/mine"],
}


def _examples(name: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[name])


def _complete_model(incomplete: str) -> list[str]:
    """Models by name, for the shell: the miniature's, and the folders that runs have kept."""
    from ..model_files.folder import models_in

    known = ["mini_clip", "mini_clip_withheld", *(path.as_posix() for path in models_in("runs"))]
    return [name for name in known if name.startswith(incomplete)]


app = typer.Typer(
    name="text4vis",
    help="Names what happens in videos: by class names of your own, or by a model that was trained on some.\n\n"
    "Results go to stdout or a file, progress to stderr. Exit codes: 0; 1, something could not be answered; "
    "2, wrong use.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

Model = Annotated[
    str,
    typer.Option(
        help="A run or a folder with a trained model; or mini_clip, an open_clip name, a folder with a CLIP.",
        autocompletion=_complete_model,
    ),
]
Labels = Annotated[
    str, typer.Option(help="Class names to choose between, with commas; or a text file with one on each line.")
]
Pretrained = Annotated[str, typer.Option(help="Of an open_clip name: a file of weights, or a tag such as openai.")]
Template = Annotated[str, typer.Option(help="Prompt of the labels; {} is the name. Empty: the model's own.")]
Frames = Annotated[int, typer.Option(min=0, help="Frames of a video that are looked at; 0: as the model was trained.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Dataset = Annotated[
    str, typer.Option(help="How the folder is laid out: a data set that the laboratory reads. Empty: any videos in it.")
]


def _version(asked: bool) -> None:
    if asked:
        from text4vis_core import __version__

        typer.echo(f"text4vis {__version__}")
        raise typer.Exit


@app.callback()
def _every(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command(epilog=_examples("classify"))
def classify(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Files, folders of frames, or folders of videos.")
    ],
    labels: Labels = "",
    model: Model = "mini_clip",
    pretrained: Pretrained = "",
    template: Template = "",
    top: Annotated[int, typer.Option(min=1, help="Names to print of each video.")] = 5,
    as_json: AsJson = False,
) -> int:
    """Say what happens in a video, or some."""
    from .asking import Asked, classify

    return classify(videos, Asked(model, labels, pretrained, template), top, as_json)


@app.command(epilog=_examples("predict"))
def predict(
    videos: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders, searched with all folders in them, or files.")
    ],
    model: Model = "mini_clip",
    out: Annotated[
        Path | None, typer.Option(help="Table to write: .csv, .json or .parquet. Without it: CSV to stdout.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page to write, with a small film of each video.")] = None,
    labels: Labels = "",
    pretrained: Pretrained = "",
    top: Annotated[int, typer.Option(min=1, help="Rows of each video: its most probable classes.")] = 1,
) -> int:
    """Predict the class of every video in a folder. Labels are not needed.

    A video that cannot be read has a row that says why, and the exit code is 1.
    """
    from .asking import Asked, predict

    return predict(videos, Asked(model, labels, pretrained), out, page, top)


@app.command(epilog=_examples("embed"))
def embed(
    videos: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders, searched with all folders in them, or files.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for features.safetensors, which the data set features reads.")],
    model: Model = "mini_clip",
    labels: Labels = "",
    pretrained: Pretrained = "",
) -> int:
    """Write the embedding of every video to a file.

    It has the laboratory's own form. Folders of classes are divided into training, validation and test videos; else all
    are training videos, of the class of their folder.
    """
    from .asking import Asked
    from .embedding import embed

    return embed(videos, Asked(model, labels, pretrained), out)


@app.command(epilog=_examples("check"))
def check(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of videos.")],
    dataset: Dataset = "",
    out: Annotated[Path | None, typer.Option(help="Table of the problems to write: .csv, .json or .parquet.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a clip; a video with fewer is too short.")] = 8,
    every_frame: Annotated[bool, typer.Option("--every-frame", help="Decode whole files: slow, and thorough.")] = False,
) -> int:
    """Find videos that are damaged, too short, or there twice."""
    from .data import check

    return check(folder, dataset, out, frames, every_frame)


@app.command(epilog=_examples("prepare"))
def prepare(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of videos; it is only read.")],
    copies: Annotated[Path, typer.Argument(metavar="COPIES", help="Folder for the copies.")],
    dataset: Dataset = "",
    short_side: Annotated[int, typer.Option(min=16, help="Pixels; smaller videos keep their size.")] = 256,
    workers: Annotated[int, typer.Option(min=0, help="Processes that copy.")] = 2,
) -> int:
    """Copy videos so that any frame is decoded at once.

    Each copy is compared with its original, which is only read.
    """
    from .data import prepare

    return prepare(folder, copies, dataset, short_side, workers)


@app.command(epilog=_examples("train"))
def train(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folders of classes, as they are or in folders train and test.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The run's folder, which gets the model; else runs/own/NAME.")
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Training videos of each class; 0: all.")] = 0,
    model: Model = "mini_clip",
    pretrained: Pretrained = "",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the videos, few of which are repeated.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Draws the videos, their order and their clips.")] = 0,
) -> int:
    """Train a model on videos of your own.

    It is tested on videos that were held out, by a rule that is told.
    """
    from .training import train

    return train(folder, out, shots, (model, pretrained), {"epochs": epochs, "seed": seed})


@app.command(epilog=_examples("runs"))
def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="A run, or a folder of runs.")] = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """List runs, with their answers and models."""
    from .training import runs

    return runs(folder, as_json)


@app.command(epilog=_examples("compare"))
def compare(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, whose number is to be explained.")],
    other: Annotated[
        str, typer.Argument(metavar="RUN|PUBLISHED", help="Another run; or an id of data/published_results.csv.")
    ],
    cell: Annotated[str, typer.Option(help="Of RUN, whose number is explained. Empty: that which differs most.")] = "",
    metric: Annotated[str, typer.Option(help="top1, top5 or map. Empty: map where both have it, else top1.")] = "",
    again: Annotated[bool, typer.Option("--try", help="Evaluate RUN again for what its scores do not tell.")] = False,
    as_json: AsJson = False,
    page: Annotated[Path | None, typer.Option(help="HTML page to write.")] = None,
) -> int:
    """Say why a number differs: causes, each with its effect.

    Of two runs on the videos that both share; of a published number what is known to be otherwise, and what the rest
    would do to this run, in brackets.
    """
    from .comparing import compare

    return compare(run, other, cell, metric, again, (as_json, page))


@app.command(epilog=_examples("recompute"))
def recompute(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER...]", help="Runs, or folders of runs; else all of runs.")
    ] = None,
    again: Annotated[
        list[Path] | None, typer.Option(help="A run whose notebook is executed once more, in a copy of its folder.")
    ] = None,
) -> int:
    """Compute every number and figure of finished runs again, and name what is not as stored.

    Metrics, means, intervals and claims from the scores per video; figures from their tables. Nothing is trained, and
    nothing is written. Exit code 1 where anything differs.
    """
    from .recomputing import recompute

    return recompute(folders or [Path("runs")], again or [])
