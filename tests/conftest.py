"""Small real inputs: videos of known colours, a data set laid out like UCF101, a CLIP of a few thousand weights."""

import json
import os

os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import av
import numpy as np
import open_clip
import pytest
import torch
from backbones import folders, hub_home, no_network  # noqa: F401, fixtures
from hypothesis import settings
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.modified_resnet import ModifiedResNet
from safetensors.torch import save_file

from text4vis_core import VideoClassifier, load_clip, load_videos, save_text4vis_checkpoint
from text4vis_core.model import ImageEncoder

torch.set_num_threads(1)  # the models here are so small that threads would only wait for each other

settings.register_profile("deterministic", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("deterministic")

ROOT = Path(__file__).resolve().parents[1]
FIRST = (  # the longest, or one core waits for them at the end
    "test_suite.py",
    "test_your_videos.py",
    "test_howtos.py",
    "test_rehearsal.py",
    "test_planting.py",
    "test_hostile_book.py",
    "test_fitting.py",
    "test_killed.py",
    "13_bench.ipynb",
)
REFERENCE = Path(__file__).parent / "reference"
CLASSES = ("ApplyLipstick", "HulaHoop", "WallPushups")


def pytest_collection_modifyitems(items: list) -> None:
    """The longest files begin."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(autouse=True, scope="session")
def own_digests(tmp_path_factory):
    """A folder for what is kept of files' contents: not the user's."""
    from text4vis_lab import digests

    folder = tmp_path_factory.mktemp("digests")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "cache_folder", lambda: folder)
        yield


def grey(frame: int) -> int:
    """The red channel of a frame of `write_video`."""
    return 20 + 10 * frame


def frame_numbers(frames: np.ndarray) -> list[int]:
    """Which frames of a video by `write_video` these (N, H, W, 3) are; green 110 and blue 200 tell RGB from BGR."""
    colours = frames.reshape(len(frames), -1, 3).mean(1)
    assert np.abs(colours[:, 1:] - (110, 200)).max() < 8, f"not RGB as written: {colours}"
    return np.round((colours[:, 0] - grey(0)) / 10).astype(int).tolist()


def write_video(path: Path, frames: int = 12, size=(32, 40), codec="libx264", shift: int = 0, **options) -> Path:
    """A video whose frame i is of the one colour (grey(i + shift), 110, 200)."""
    options = {"g": "5", **options}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=12, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for i in range(frames):
            picture = np.empty((*size, 3), np.uint8)
            picture[:] = (grey(i + shift), 110, 200)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_ucf101(root: Path, train: int = 3, test: int = 2) -> Path:
    """A data set laid out like UCF101, with `CLASSES`; a class has its own range of colours."""
    (root / "annotations").mkdir(parents=True)
    lists = {"train": [], "test": []}
    for label, name in enumerate(CLASSES, start=1):
        (root / "videos" / name).mkdir(parents=True)
        for number in range(1, train + test + 1):
            file = f"{name}/v_{name}_g{number:02d}_c01.avi"
            write_video(root / "videos" / file, 6, codec="mpeg4", shift=6 * (label - 1))
            lists["train" if number <= train else "test"].append(file + (f" {label}" if number <= train else ""))
    (root / "annotations" / "classInd.txt").write_text("".join(f"{i} {n}\n" for i, n in enumerate(CLASSES, start=1)))
    for split, lines in lists.items():
        (root / "annotations" / f"{split}list01.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session")
def video(tmp_path_factory) -> Path:
    """Twelve frames of H.264 with B-frames."""
    return write_video(tmp_path_factory.mktemp("video") / "twelve.mp4", 12, bf="2", crf="12")


@pytest.fixture(scope="session")
def ucf101(tmp_path_factory) -> Path:
    """Three classes with three training and two test videos each. Read only."""
    return write_ucf101(tmp_path_factory.mktemp("ucf101") / "data")


@pytest.fixture(scope="session")
def train_videos(ucf101):
    return load_videos("ucf101", ucf101, "train")


@pytest.fixture(scope="session")
def test_videos(ucf101):
    return load_videos("ucf101", ucf101, "test")


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory) -> Path:
    """A CLIP with a ResNet tower (so with BatchNorm), 32 pixels, 16 dimensions, saved as open_clip does. Read only."""
    folder = tmp_path_factory.mktemp("clip")
    config = {
        "embed_dim": 16,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 8, "image_size": 32},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.model.CLIP(**config)
        for module in model.visual.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.ones_(module.weight)  # of a residual's last one open_clip makes 0
                module.momentum = 1.0
        with torch.no_grad():  # statistics, without which a random tower gives every picture the same embedding
            model.visual.train()(torch.randn(32, 3, 1, 1) + 0.5 * torch.randn(32, 3, 32, 32))
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.26, 0.27], "interpolation": "bicubic"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def clip_name(clip_folder, tmp_path_factory) -> str:
    """A name under which open_clip knows that architecture."""
    folder = tmp_path_factory.mktemp("models")
    config = json.loads((clip_folder / "open_clip_config.json").read_text())["model_cfg"]
    (folder / "Tiny-32.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    return "Tiny-32"


@pytest.fixture(scope="session")
def clip(clip_folder):
    return load_clip(str(clip_folder))


@pytest.fixture
def model(clip) -> VideoClassifier:
    """A classifier of `CLASSES` by frozen text embeddings; a copy of its own for each test."""
    names = ["apply lipstick", "hula hoop", "wall pushups"]
    return VideoClassifier.from_clip(clip).set_classifier(clip.class_embeddings(names))


@pytest.fixture
def published(tmp_path) -> tuple[Path, VideoClassifier]:
    """A small model in the published format, as a file and as it is, with an image encoder as that of `clip`."""
    torch.manual_seed(0)
    visual = ModifiedResNet([1, 1, 1, 1], 16, 4, 32, 8)
    model = VideoClassifier(ImageEncoder(visual, 16, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD), 3.0, "tsm").eval()
    save_text4vis_checkpoint(tmp_path / "published.pt", model)
    return tmp_path / "published.pt", model


@pytest.fixture(scope="session")
def one_each(tmp_path_factory) -> Path:
    """One training and one test video of each of three classes, laid out like UCF101. Read only."""
    return write_ucf101(tmp_path_factory.mktemp("one_each") / "data", 1, 1)


@pytest.fixture(scope="session")
def ground(tmp_path_factory):
    """Few of the miniature's films, three of each class to test and to train on, and runs on them."""
    from text4vis_lab.compare.ground import Ground

    return Ground(tmp_path_factory.mktemp("ground"), 3, 3)


@pytest.fixture
def at_home(monkeypatch):
    """`Lab.open` goes to the project's folder, and sets the style of figures."""
    import matplotlib

    monkeypatch.chdir(ROOT)
    with matplotlib.rc_context():
        yield
