"""The video classifier, and loading a CLIP: by name or folder, or one error that says what does not fit."""

import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from text4vis_core import VideoClassifier, load_clip
from text4vis_core.model import ImageEncoder
from text4vis_core.model.video_classifier import fingerprint

NAME = "RN50-quickgelu"


@pytest.fixture
def folder(clip_folder, tmp_path):
    """A copy of the CLIP's folder that a test may spoil."""
    return shutil.copytree(clip_folder, tmp_path / "clip")


def frames(batch=2, length=3, seed=0) -> torch.Tensor:
    return torch.randint(0, 256, (batch, length, 3, 32, 32), generator=torch.Generator().manual_seed(seed)).byte()


def test_a_folder_gives_model_tokenizer_and_pixels(clip, clip_folder):
    assert (clip.size, clip.mean, clip.std) == (32, (0.5, 0.4, 0.3), (0.25, 0.26, 0.27))
    assert clip.tokenizer(["a person"]).shape == (1, 16)
    saved = load_file(clip_folder / "open_clip_model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in clip.model.state_dict().items())


def test_class_embeddings_are_unit_rows_that_depend_on_name_and_template(clip):
    rows = clip.class_embeddings(["archery", "push up", "archery"])
    assert rows.shape == (3, 16)
    assert torch.allclose(rows.norm(dim=1), torch.ones(3), atol=1e-6)
    assert torch.allclose(rows[0], rows[2], atol=1e-6)
    assert (rows[0] - rows[1]).abs().max() > 1e-3
    assert (clip.class_embeddings(["archery"], "photo") - rows[0]).abs().max() > 1e-3


def test_many_class_names_are_embedded_in_parts(clip):
    names = [f"action {i}" for i in range(300)]
    rows = clip.class_embeddings(names)
    assert torch.allclose(rows[290:], clip.class_embeddings(names[290:]), atol=1e-5)


def test_no_class_names(clip):
    with pytest.raises(ValueError, match="no class names"):
        clip.class_embeddings([])


@pytest.mark.slow
def test_a_name_with_a_weights_file(clip_name, clip_folder, tmp_path):
    saved = load_file(clip_folder / "open_clip_model.safetensors")
    torch.save(saved, tmp_path / "weights.pt")
    for file in (clip_folder / "open_clip_model.safetensors", tmp_path / "weights.pt"):
        loaded = load_clip(clip_name, str(file))
        assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.model.state_dict().items())
        assert loaded.source == f"{clip_name}:{file}"


def test_a_name_with_random_weights(clip_name, clip):
    loaded = load_clip(clip_name, "random")
    assert loaded.size == 32
    assert not torch.equal(loaded.model.visual.conv1.weight, clip.model.visual.conv1.weight)


def test_an_unknown_name_lists_the_closest():
    with pytest.raises(ValueError, match=r"unknown model 'ViT-B32'; closest: .*ViT-B-32"):
        load_clip("ViT-B32", "openai")


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        load_clip(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("file", ["open_clip_config.json", "open_clip_model.safetensors"])
def test_a_folder_that_lacks_a_file(folder, file):
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"holds no .*{file.split('.')[-1]}"):
        load_clip(str(folder))


def test_pretrained_beside_a_folder(folder):
    with pytest.raises(ValueError, match="leave pretrained empty"):
        load_clip(str(folder), "openai")


def test_a_name_without_pretrained_lists_the_tags():
    with pytest.raises(ValueError, match=r"pretrained is empty: .*openai"):
        load_clip(NAME)


def test_an_unknown_tag_lists_the_tags():
    with pytest.raises(ValueError, match=r"'opnai' is neither a file nor one of open_clip's tags .*openai"):
        load_clip(NAME, "opnai")


@pytest.mark.parametrize("content", [b"", b"these are not weights " * 50, b"\x10\x00\x00\x00\x00\x00\x00\x00{broken"])
def test_a_file_that_holds_no_weights(folder, content):
    file = folder / "open_clip_model.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"open_clip_model\.safetensors is not a weights file that can be read safely"):
        load_clip(str(folder))


def change_shape(weights):
    weights["text_projection"] = weights["text_projection"][:, :3].contiguous()


def drop_key(weights):
    del weights["text_projection"]


def add_key(weights):
    weights["text_projection_2"] = torch.zeros(3)


@pytest.mark.parametrize("spoil", [change_shape, drop_key, add_key])
def test_weights_that_do_not_fit_name_the_keys(folder, spoil):
    file = folder / "open_clip_model.safetensors"
    weights = load_file(file)
    spoil(weights)
    save_file(weights, file)
    with pytest.raises(ValueError, match=r"the weights in .*safetensors do not fit the model: .*text_projection"):
        load_clip(str(folder))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))])
def test_a_pickle_with_code_is_refused_and_not_executed(clip_name, tmp_path, save):
    file = tmp_path / "weights.pt"
    save({"state_dict": Bomb(tmp_path / "executed")}, file)
    with pytest.raises(ValueError, match=r"weights\.pt is not a weights file that can be read safely"):
        load_clip(clip_name, str(file))
    assert not (tmp_path / "executed").exists()


def test_pixels_and_normalised_frames_give_the_same_embedding(model):
    pixels = frames()
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.25, 0.26, 0.27]).view(3, 1, 1)
    with torch.no_grad():
        embeddings = model.encode_video(pixels)
        assert embeddings.shape == (2, 16)
        assert torch.allclose(embeddings, model.encode_video((pixels / 255 - mean) / std), atol=1e-5)


def test_an_embedding_is_the_mean_of_its_frames_alone(model):
    pixels = frames(batch=3, length=4)
    with torch.no_grad():
        together = model.encode_video(pixels)
        one_by_one = torch.stack([model.visual((pixels[i] / 255 - model.mean) / model.std).mean(0) for i in range(3)])
    assert torch.allclose(together, one_by_one, atol=1e-5)


def test_logits_are_the_temperature_times_the_cosine(model, clip):
    rows = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        video = model.encode_video(frames())
        cosine = torch.nn.functional.cosine_similarity(video[:, None], rows[None], dim=-1)
        expected = clip.model.logit_scale.exp() * cosine
        assert torch.allclose(model.logits(video, rows), expected, atol=1e-4)
        assert torch.allclose(model.set_classifier(rows)(frames()), expected, atol=1e-4)


def test_batchnorm_statistics_do_not_move_in_training_mode(model):
    def statistics():
        return {name: tensor.clone() for name, tensor in model.visual.named_buffers()}

    before = statistics()
    assert any("running_mean" in name for name in before)
    model.train()
    assert model.training
    assert model.temporal.training
    with torch.no_grad():
        training = model(frames())
    assert all(torch.equal(tensor, before[name]) for name, tensor in statistics().items())
    with torch.no_grad():
        assert torch.equal(training, model.eval()(frames()))


def test_the_clip_itself_is_not_trained(model, clip):
    before = fingerprint(clip.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert fingerprint(clip.model) == before


def test_new_parameters_are_drawn_by_the_seed(clip):
    first, again, other = (VideoClassifier.from_clip(clip, "transformer", seed=seed) for seed in (0, 0, 1))
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)
    assert fingerprint(first.visual) == fingerprint(other.visual)


def test_a_model_without_a_classifier_says_so(clip):
    with pytest.raises(RuntimeError, match="call set_classifier"):
        VideoClassifier.from_clip(clip)(frames())


@pytest.mark.parametrize("shape", [(3, 15), (16,)])
def test_rows_of_another_size(model, shape):
    with pytest.raises(ValueError, match=r"expected \(classes, 16\)"):
        model.set_classifier(torch.zeros(shape))


def test_an_unknown_temporal_name_lists_the_choices(clip):
    with pytest.raises(ValueError, match="choose from: mean, transformer"):
        VideoClassifier.from_clip(clip, "lstm")


def test_an_encoder_that_begins_with_a_strided_1x1_convolution_is_not_run_with_channels_last():
    """PyTorch 2.14 crashes in its backward pass on the CPU (MobileCLIP-S)."""
    stem = torch.nn.Conv2d(3, 8, 1, stride=2)
    visual = torch.nn.Sequential(stem, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    model = VideoClassifier(ImageEncoder(visual, 8, 32, (0.5,) * 3, (0.5,) * 3), 1.0)
    assert model.memory_format == torch.contiguous_format
    model.encode_video(torch.rand(1, 2, 3, 32, 32)).sum().backward()
    assert stem.weight.grad.isfinite().all()
