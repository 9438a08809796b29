"""What in a frame is like a class: a map of similarity, which explains nothing.

Where the encoder is a ViT, the cosine of each patch's own embedding with the class's row, as in MaskCLIP (Zhou, Loy and
Dai, ECCV 2022, arXiv 2112.01071), there with the values of the last attention, here with what leaves the last layer. Of
other encoders, such as Mini CLIP's ResNet with its 2 x 2 last places, a square of the frame's mean colour is laid over
place after place, and the map shows by how much the cosine falls: occlusion (Zeiler and Fergus, ECCV 2014, arXiv
1311.2901).

T frames, S pixels on a side of the model's view, G places on a side of a map, D width of an embedding.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.data.transforms import evaluation_views, to_clip
from text4vis_core.model.video_classifier import VideoClassifier

from ..models.model import Model

PLACES = 6  # G of occlusion
SQUARE = 4  # the covering square's side is a fourth of the view's
AT_ONCE = 8  # places in a batch, each with all T frames
BY_PATCHES = "how like the class each patch's embedding is (cosine)"
BY_COVERING = "by how much the frame becomes less like the class (cosine) when a square covers the place"


def heat_map(model: Model, frames: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Where frames are like a class.

    Args:
        model: any classifier.
        frames: uint8 (T, H, W, 3).
        name: one of its classes.

    Returns:
        float32 (T, G, G), over the square in the middle that the model sees: 0 where nothing speaks for the class, 1 at
        the place of all frames where most does; and what is shown, in words.
    """
    network = model.network
    weight: Tensor = model.classifier.weight  # type: ignore[assignment]
    row = F.normalize(weight[model.classes.index(name)].detach().float(), dim=-1)
    views = evaluation_views(to_clip(frames), network.size, model.clips.resize or None)[0].to(row.device)
    patches = _patches(network, views)
    if patches is not None:
        similar, how = F.normalize(patches, dim=-1) @ row, BY_PATCHES
        similar = similar - similar.mean()
    else:
        similar, how = _covered(network, views, row), BY_COVERING
    similar = similar.clamp(min=0)
    return (similar / similar.max().clamp(min=1e-6)).cpu().numpy().astype(np.float32), how


@torch.no_grad()
def _patches(network: VideoClassifier, views: Tensor) -> Tensor | None:
    """The embeddings (T, G, G, D) of a ViT's patches; None of another encoder."""
    visual = network.visual
    if not isinstance(getattr(visual, "transformer", None), nn.Module) or getattr(visual, "proj", None) is None:
        return None
    with _noted(visual.transformer) as outputs:  # type: ignore[arg-type]
        network.encode_video(views[None])
    tokens = outputs[-1][:, 1:].float()
    side = round(tokens.shape[1] ** 0.5)
    if len(tokens) != len(views) or side * side != tokens.shape[1]:  # a module inside that mixes frames
        return None
    found = visual.ln_post(tokens) @ visual.proj.float()  # type: ignore[operator, union-attr]
    return found.unflatten(1, (side, side))


@torch.no_grad()
def _covered(network: VideoClassifier, views: Tensor, row: Tensor) -> Tensor:
    """By how much each frame's cosine with a row falls when a place is covered: (T, G, G)."""
    size, side = views.shape[-1], views.shape[-1] // SQUARE
    middles = (np.arange(PLACES) + 0.5) * size / PLACES
    spans = [slice(max(0, round(at - side / 2)), round(at + side / 2)) for at in middles]
    grey = views.float().mean((-2, -1), keepdim=True).round().to(views.dtype)
    covered = views[None].repeat(PLACES * PLACES, 1, 1, 1, 1)
    for place, (rows, columns) in enumerate((rows, columns) for rows in spans for columns in spans):
        covered[place, ..., rows, columns] = grey
    whole = _cosines(network, views[None], row)
    parts = torch.cat([_cosines(network, batch, row) for batch in covered.split(AT_ONCE)])
    return (whole - parts).T.unflatten(1, (PLACES, PLACES))


def _cosines(network: VideoClassifier, clips: Tensor, row: Tensor) -> Tensor:
    """The cosine of each frame's embedding with a row: (P, T) of clips (P, T, 3, S, S)."""
    with _noted(network.visual) as outputs:
        network.encode_video(clips)
    return (F.normalize(outputs[-1].float(), dim=-1) @ row).unflatten(0, clips.shape[:2])


@contextmanager
def _noted(module: nn.Module) -> Iterator[list[Tensor]]:
    """What a module gives while this is open."""
    outputs: list[Tensor] = []
    hook = module.register_forward_hook(lambda _, inputs, output: outputs.append(output.detach()))
    try:
        yield outputs
    finally:
        hook.remove()
