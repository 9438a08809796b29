"""Weights that are no weights, or not what they are given as: named, with what to do; and TorchScript archives."""

import pickle
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from text4vis_core import VideoClassifier, load_clip, load_text4vis_checkpoint, save_text4vis_checkpoint
from text4vis_core.files import CheckpointError
from text4vis_core.training.contrastive import TextTower


def as_module(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """A module whose state these are, with what OpenAI's archives hold beside."""
    root = torch.nn.Module()
    for name, tensor in weights.items():
        *folders, last = name.split(".")
        place = root
        for folder in folders:
            if folder not in dict(place.named_children()):
                place.add_module(folder, torch.nn.Module())
            place = getattr(place, folder)
        place.register_parameter(last, torch.nn.Parameter(tensor, requires_grad=False))
    root.register_buffer("input_resolution", torch.tensor(32))
    root.sizes = [1, 2, 3]
    return root


def save_script(module: torch.nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own form, which it gives up
        torch.jit.save(torch.jit.script(module), path)
    return path


@pytest.fixture
def weights(clip_folder) -> dict[str, torch.Tensor]:
    return load_file(clip_folder / "open_clip_model.safetensors")


@pytest.fixture
def folder(clip_folder, tmp_path) -> Path:
    return shutil.copytree(clip_folder, tmp_path / "clip")


def test_a_torchscript_archive_gives_its_weights(clip_name, clip, weights, tmp_path):
    path = save_script(as_module(weights), tmp_path / "openai.pt")
    loaded = load_clip(clip_name, str(path))
    assert all(torch.equal(tensor, loaded.model.state_dict()[name]) for name, tensor in weights.items())
    assert torch.equal(loaded.class_embeddings(["archery"]), clip.class_embeddings(["archery"]))


class Told(torch.nn.Module):
    """Says so when TorchScript's own way to load runs its code."""

    def __init__(self):
        super().__init__()
        self.training = False

    @torch.jit.export
    def __getstate__(self):
        return (self.training,)

    @torch.jit.export
    def __setstate__(self, state: tuple[bool]):
        self.training = state[0]
        raise RuntimeError("code of the archive has run")


def test_no_code_in_an_archive_is_run(clip_name, weights, tmp_path):
    module = as_module(weights)
    module.told = Told()
    path = save_script(module, tmp_path / "archive.pt")
    with pytest.raises(torch.jit.Error, match="code of the archive has run"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.load(path)
    with pytest.raises(ValueError, match=r"archive\.pt is not a weights file that can be read safely") as error:
        load_clip(clip_name, str(path))
    assert "has run" not in str(error.value)


class Trap:
    def __reduce__(self):
        return (open, ("trapped", "w"))


@pytest.mark.parametrize("data", [pickle.dumps(Trap(), protocol=2), b"", b"not a pickle"])
def test_an_archive_that_holds_more_than_weights_is_refused_and_runs_nothing(
    clip_name, weights, tmp_path, monkeypatch, data
):
    monkeypatch.chdir(tmp_path)
    path = save_script(as_module(weights), tmp_path / "archive.pt")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile("bad.pt", "w") as bad:
        for name in archive.namelist():
            bad.writestr(name, data if name.endswith("/data.pkl") else archive.read(name))
    with pytest.raises(ValueError, match=r"bad\.pt .*(read safely|read as weights)") as error:
        load_clip(clip_name, "bad.pt")
    assert "weights_only" not in str(error.value), "no advice on how to run it all the same"
    assert not Path("trapped").exists()


def test_an_archive_of_another_model_names_the_keys(clip_name, weights, tmp_path):
    del weights["text_projection"]
    path = save_script(as_module(weights), tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"the weights in .*other\.pt do not fit the model: .*text_projection"):
        load_clip(clip_name, str(path))


@pytest.mark.parametrize("name", ["positional_embedding", "visual.attnpool.positional_embedding"])
@pytest.mark.parametrize("form", ["safetensors", "pt"])
def test_weights_of_another_input_are_no_models_own(clip_name, weights, tmp_path, name, form):
    """open_clip would interpolate them, without a word."""
    weights[name] = torch.cat([weights[name], weights[name]])[:20]
    path = tmp_path / f"weights.{form}"
    torch.save(weights, path) if form == "pt" else save_file(weights, path)
    with pytest.raises(
        ValueError, match=rf"weights\.{form} do not fit the model: {name} is \(\d+, \d+\) in the file, \(\d+,"
    ):
        load_clip(clip_name, str(path))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("form", ["folder", "safetensors", "pt", "archive"])
def test_weights_that_are_not_finite_are_named(clip_name, folder, weights, tmp_path, value, form):
    weights["ln_final.weight"][3] = value
    path = tmp_path / f"weights.{'safetensors' if form == 'safetensors' else 'pt'}"
    if form == "folder":
        path = folder / "open_clip_model.safetensors"
    if form == "archive":
        save_script(as_module(weights), path)
    elif form == "pt":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    with pytest.raises(ValueError, match=rf"{path.name}: ln_final\.weight holds values that are not finite"):
        load_clip(str(folder)) if form == "folder" else load_clip(clip_name, str(path))


@pytest.mark.parametrize("name", ["visual.conv1.weight", "token_embedding.weight"])
def test_a_checkpoint_that_is_not_finite_is_named(published, name, tmp_path):
    path, _ = published
    file = torch.load(path, weights_only=True)
    file["model_state_dict"].setdefault(name, torch.zeros(4, 4))[0, 0] = float("nan")
    torch.save(file, tmp_path / "nan.pt")
    with pytest.raises(CheckpointError, match=rf"nan\.pt: {name} holds values that are not finite"):
        load_text4vis_checkpoint(tmp_path / "nan.pt", 2)


def test_rows_of_a_classifier_that_are_not_finite_are_refused(model):
    with pytest.raises(ValueError, match="the classifier: rows holds values that are not finite"):
        model.set_classifier(torch.full((3, 16), float("inf")))


def test_a_checkpoint_of_what_is_not_finite_is_not_written(published, tmp_path):
    _, model = published
    with torch.no_grad():
        model.visual.attnpool.c_proj.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"visual\.attnpool\.c_proj\.weight holds values that are not finite"):
        save_text4vis_checkpoint(tmp_path / "new.pt", model)
    assert not (tmp_path / "new.pt").exists()


def test_a_checkpoint_that_would_come_back_with_another_text_tower_is_not_written(published, clip, tmp_path):
    _, model = published
    model.text_tower = TextTower(clip, ["archery", "biking"])
    with pytest.raises(ValueError, match="its text tower was trained with it"):
        save_text4vis_checkpoint(tmp_path / "new.pt", model)
    assert not (tmp_path / "new.pt").exists()


def test_a_video_models_checkpoint_in_the_place_of_weights_is_told(clip_name, published):
    path, _ = published
    with pytest.raises(ValueError, match=r"published\.pt is the checkpoint of a video model.*; give it as checkpoint"):
        load_clip(clip_name, str(path))


def test_a_file_in_the_place_of_a_name_is_told(published):
    path, _ = published
    with pytest.raises(ValueError, match=r"published\.pt is a file; give it as pretrained beside a name, or as check"):
        load_clip(str(path))


@pytest.mark.parametrize("name", ["ViT-B/32", "vit-b/32", "ViT-L/14@336px"])
def test_a_name_as_openai_writes_it_has_a_suggestion(name):
    close = name.upper().replace("/", "-").replace("@", "-").removesuffix("PX").replace("VIT", "ViT")
    with pytest.raises(FileNotFoundError, match=rf"does not exist; .*closest: .*{close}"):
        load_clip(name)


def test_a_folder_that_is_not_there_has_none():
    with pytest.raises(FileNotFoundError, match=r"model folder runs/mine does not exist; .*closest: none"):
        load_clip("runs/mine")


@pytest.fixture
def convnext(folders) -> VideoClassifier:
    """The kind of encoder that open_clip makes with stochastic depth of its own."""
    from timm.layers import DropPath

    clip = load_clip(str(folders["convnext"]))
    block = next(module for module in clip.model.visual.modules() if type(module).__name__ == "ConvNeXtBlock")
    block.drop_path = DropPath(0.5)
    block.extra = torch.nn.Dropout(0.5)
    return VideoClassifier.from_clip(clip)


def test_an_encoder_leaves_nothing_out_of_itself(convnext):
    frames = torch.randn(4, 1, 3, convnext.size, convnext.size)
    convnext.train()
    with torch.no_grad():
        whole, parts = convnext.encode_video(frames), [convnext.encode_video(frame[None]) for frame in frames]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-4)
    assert all(module.p == 0 for module in convnext.modules() if isinstance(module, torch.nn.Dropout))
