"""What a training leaves: a model's folder, and where asked for a file in the published format.

Not every cell of a grid is worth the disk: `due` says which are kept.
"""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from text4vis_core.files import CheckpointError, first_line
from text4vis_core.model.checkpoints import save_text4vis_checkpoint
from text4vis_core.model.video_classifier import VideoClassifier, fingerprint

from .cell import Cell, Outcome, rows_of_outcome
from .model_files.facts import Facts, ModelError, read_facts
from .model_files.folder import save_model
from .model_files.network import architecture_of, configuration
from .records import provenance
from .sources import Clips, Source

SEEDS = ("seed", "initial", "draw", "order", "fold")  # columns that tell repetitions of one training from each other


def due(cells: Iterable[Cell], which: str, seen: dict[str, str]) -> set[str]:
    """Names of the cells whose models are kept.

    Args:
        cells: of one grid.
        which: "none", "all", or "first": of each method, shots and temporal module the first seed that is trained. A
            trial of a sweep, and a mixture of weights before and after, is none of these.
        seen: what has been the first, over all grids of a run; added to.
    """
    names = set()
    for cell in cells:
        columns = cell.columns
        if which == "first" and cell.fine_tune and "trial" not in columns and "mix" not in columns:
            kind = repr(sorted((name, str(value)) for name, value in columns.items() if name not in SEEDS))
            if seen.setdefault(kind, cell.name) == cell.name:
                names.add(cell.name)
        elif which == "all":
            names.add(cell.name)
    return names


def left_behind(cell: Cell, source: Source, clips: Clips, network: VideoClassifier, outcome: Outcome) -> list[str]:
    """Write what a cell is to leave of its model; what could not be written is said, and no number is lost for it.

    Args:
        cell: with `export` and `keep`.
        source, clips: it began with.
        network: after its training.
        outcome: what was measured.

    Returns:
        What its user should know, a sentence each.
    """
    remarks, refused = [], ""
    if cell.export:
        try:
            save_text4vis_checkpoint(cell.export, network, cell.recipe.epochs if cell.fine_tune else 0)
        except ValueError as error:
            refused = str(error)
    if cell.keep and (cell.keep.always or refused):
        try:
            save_model(
                cell.keep.folder,
                network,
                facts_of(cell, source, clips, network, outcome),
            )
        except (OSError, ModelError, CheckpointError) as error:
            remarks.append(f"its model is not kept: {first_line(error)}")
    if refused:
        place = f"it is in {cell.keep.folder}" if cell.keep else "set keep_models"
        remarks.append(f"{cell.export} is not written, {refused}; {place}")
    return remarks


def facts_of(cell: Cell, source: Source, clips: Clips, network: VideoClassifier, outcome: Outcome) -> Facts:
    """What is told of a cell's model."""
    before = read_facts(source.trained) if source.trained else None
    if before:
        encoder, origin = before.architecture["encoder"], dict(before.clip)
    else:
        assert source.clip or source.checkpoint
        encoder = "published" if source.checkpoint else configuration(source.clip)  # type: ignore[arg-type]
        origin = _origin(source)
    if network.text_tower is not None:
        origin["text_tower"] = "trained"
    keep: Any = cell.keep
    return Facts(
        classes=tuple(cell.train.class_names(source.names)),
        architecture=architecture_of(network, encoder, clips.num_frames),
        template=source.template,
        names=source.names,
        clip=origin,
        clips={name: getattr(clips, name) for name in ("num_frames", "dense", "resize", "clips", "crops")},
        training=dict(cell.columns) | {"recipe": asdict(cell.recipe) if cell.fine_tune else {}},
        data={
            "dataset": keep.data[0],
            "folder": keep.data[1],
            "videos": len({video.path for video in cell.train.videos}),
            "fingerprint": cell.train.fingerprint(),
        },
        measured=tuple(rows_of_outcome(cell.name, outcome, cell.columns, cell.tests)),
        provenance={"run": Path(keep.folder).parents[1].as_posix(), "cell": cell.name} | provenance(),
    )


def _origin(source: Source) -> dict[str, Any]:
    if source.clip is None:
        return {}
    named = {"model": source.model, "pretrained": source.pretrained, "world": source.world}
    named |= {"checkpoint": source.checkpoint} if source.checkpoint else {}
    return named | {"fingerprint": fingerprint(source.clip.model)}
