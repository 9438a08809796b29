"""Mini CLIP: a small `open_clip.CLIP` trained from scratch on captioned pictures, never on a labelled video."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.processes import progress_bar
from text4vis_core.training.recipe import warmup_cosine

from ..plain import write_json

SIZE = 64  # pixels
MODEL_CONFIG: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"layers": [1, 1, 1, 1], "width": 16, "image_size": SIZE},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
THREADS = 2  # sums depend on how they are split: the same weights whoever makes them first
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class PretrainingConfig:
    """How Mini CLIP is trained.

    Attributes:
        pictures: captioned pictures.
        epochs: passes over them.
        batch_size: pairs contrasted with each other.
        lr: peak of warm-up and cosine.
        weight_decay: of AdamW.
        grad_clip: largest gradient norm.
        noise: largest standard deviation of pixel noise, of 255; footage is noisy, drawings are not.
        seed: of pictures, order and weights.
    """

    pictures: int = 19200
    epochs: int = 5
    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.1
    grad_clip: float = 1.0
    noise: float = 30.0
    seed: int = 0


def pretrain(pictures: Tensor, captions: list[str], config: PretrainingConfig, folder: Path) -> list[dict]:
    """Train Mini CLIP with open_clip's contrastive loss and save it where `load_clip` can read it.

    Args:
        pictures: uint8 (N, 3, 64, 64).
        captions: N texts.
        config: how.
        folder: gets `open_clip_config.json`, `open_clip_model.safetensors` and `training.json`.

    Returns:
        A row per epoch: epoch, loss, seconds (cumulative).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        clip = open_clip.model.CLIP(**MODEL_CONFIG)
        tokens = open_clip.SimpleTokenizer(context_length=MODEL_CONFIG["text_cfg"]["context_length"])(captions)
        log = _train(clip, pictures, tokens, config)
    torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    write_json(folder / "open_clip_config.json", {"model_cfg": MODEL_CONFIG, "preprocess_cfg": preprocess})
    temporary = folder / ".open_clip_model.tmp"
    save_file({name: tensor.contiguous() for name, tensor in clip.state_dict().items()}, temporary)
    os.replace(temporary, folder / "open_clip_model.safetensors")
    write_json(folder / "training.json", log)
    return log


def _train(clip: open_clip.CLIP, pictures: Tensor, tokens: Tensor, config: PretrainingConfig) -> list[dict]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clip = clip.to(device).to(memory_format=torch.channels_last).train()
    criterion = ClipLoss()
    optimizer = torch.optim.AdamW(clip.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    rng = np.random.default_rng(config.seed)
    steps = len(pictures) // config.batch_size
    log, begin = [], time.perf_counter()
    bar = progress_bar(range(config.epochs * steps), "training Mini CLIP", unit="step")
    for step in bar:
        if step % steps == 0:
            order, losses = rng.permutation(len(pictures)), []
        chosen = order[(step % steps) * config.batch_size :][: config.batch_size]
        images = _augment(pictures[chosen].to(device), config.noise, rng)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * warmup_cosine((step + 1) / steps, config.epochs + 1 / steps, 0.5)
        image, text, scale = clip(images, tokens[chosen].to(device))
        loss = criterion(image, text, scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), config.grad_clip)
        optimizer.step()
        with torch.no_grad():
            clip.logit_scale.clamp_(0, math.log(100))
        losses.append(loss.detach())
        if step % steps == steps - 1:
            mean = float(torch.stack(losses).mean())
            bar.set_postfix(loss=f"{mean:.2f}")
            log.append({"epoch": step // steps + 1, "loss": mean, "seconds": time.perf_counter() - begin})
    clip.eval()
    return log


def _augment(pictures: Tensor, noise: float, rng: np.random.Generator) -> Tensor:
    """uint8 (B, 3, S, S) -> normalised float: tint, zoom, uneven light, contrast, blur and pixel noise.

    Footage has all of these and drawings have none: without them the two worlds hardly meet.
    """
    batch, device = len(pictures), pictures.device

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, size=(batch, *shape)).astype(np.float32)).to(device)

    images = (pictures.float() / 255) ** draw(-0.4, 1.0, 1, 1, 1).exp()
    images = images * draw(0.8, 1.2, 3, 1, 1)
    zoom, shift = draw(0.75, 1.15, 1), draw(-0.15, 0.15, 2)
    theta = torch.stack([F.pad(zoom, (0, 1)), F.pad(zoom, (1, 0))], 1)
    grid = F.affine_grid(torch.cat([theta, shift[..., None]], 2), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = torch.lerp(images, blurred, draw(0, 1, 1, 1, 1))
    light = F.interpolate(draw(-0.25, 0.25, 3, 3, 3), size=images.shape[-2:], mode="bicubic", align_corners=False)
    images = (images - 0.5) * draw(0.6, 1.1, 1, 1, 1) + 0.5 + light
    images = images + torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32)).to(device) * draw(
        0, noise / 255, 1, 1, 1
    )
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (MEAN, STD))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)
