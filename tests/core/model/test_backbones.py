"""Any open_clip backbone: a ViT, a SigLIP, a ConvNeXt and a ResNet, by name and from folders."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from backbones import CONFIGS, KINDS, NAMES, SENTENCEPIECE, SHIPPED, TEMPLATE, write_tokenizer
from torch.nn import functional as F

from text4vis_core import TrainingConfig, VideoClassifier, VideoDataset, fit, load_clip
from text4vis_core.data import Views
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.evaluation.protocols import zero_shot_accuracy
from text4vis_core.model.video_classifier import fingerprint

pytestmark = pytest.mark.usefixtures("no_network")


def own_similarities(clip, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """By open_clip's own functions: (B, D) means of frame embeddings, (C, D) text embeddings, and logits (B, C)."""
    mean, std = torch.tensor(clip.mean).view(3, 1, 1), torch.tensor(clip.std).view(3, 1, 1)
    with torch.no_grad():
        images = ((frames / 255 - mean) / std).flatten(0, 1)
        videos = clip.model.encode_image(images, normalize=False).unflatten(0, frames.shape[:2]).mean(1)
        texts = F.normalize(clip.model.encode_text(clip.tokenizer([TEMPLATE.format(name) for name in NAMES])), dim=-1)
        logits = clip.model.logit_scale.exp() * F.normalize(videos, dim=-1) @ texts.T
        return videos, texts, logits if clip.model.logit_bias is None else logits + clip.model.logit_bias


def check_against_open_clip(clip, videos: int = 2) -> None:
    size = (videos, 2, 3, clip.size, clip.size)
    frames = torch.randint(0, 256, size, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    videos, texts, logits = own_similarities(clip, frames)
    model = VideoClassifier.from_clip(clip)
    assert (model.dim, videos.shape[1], texts.shape[1]) == (clip.dim,) * 3
    with torch.no_grad():
        embeddings = model.encode_video(frames)
        rows = clip.class_embeddings(NAMES, TEMPLATE)
        assert torch.allclose(embeddings, videos, atol=1e-5, rtol=1e-4)
        assert torch.allclose(rows, texts, atol=1e-5)
        assert torch.allclose(model.logits(embeddings, rows), logits, atol=1e-4)
    assert (rows[0] - rows[1]).abs().max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_shipped_name_gives_open_clips_own_embeddings(kind):
    clip = load_clip(SHIPPED[kind], "random")
    assert clip.size == 224
    assert (clip.mean == (0.5,) * 3) == (kind == "siglip")
    check_against_open_clip(clip, videos=1)


@pytest.mark.parametrize("kind", [*KINDS, "coca"])
def test_a_folder_gives_open_clips_own_embeddings(folders, kind):
    clip = load_clip(str(folders[kind]))
    assert clip.dim == CONFIGS[kind]["embed_dim"]
    assert clip.logit_bias == (-10 if kind == "siglip" else None)
    assert clip.logit_scale == pytest.approx(np.log(1 / 0.07))
    check_against_open_clip(clip)


# One of each family whose image encoder timm or open_clip builds in its own way; without memory, for their shapes.
FAMILIES = ["EVA02-B-16", "MobileCLIP2-S0", "MobileCLIP2-S3", "PE-Core-T-16-384", "ViTamin-S", "coca_ViT-B-32"]
FAMILIES += ["swin_base_patch4_window7_224", "vit_medium_patch16_gap_256", "vit_relpos_medium_patch16_cls_224"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_one_embedding_for_a_picture(name):
    with torch.device("meta"):
        clip = load_clip(name, "random", device="meta")
        assert clip.image_encoder()(torch.zeros(2, 3, clip.size, clip.size)).shape == (2, clip.dim)
        assert clip.model.encode_text(clip.tokenizer(NAMES)).shape == (3, clip.dim)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_shot_scores_and_a_step_of_training(folders, train_videos, test_videos, tmp_path, kind):
    clip = load_clip(str(folders[kind]))
    rows = clip.class_embeddings(NAMES, TEMPLATE)
    model = VideoClassifier.from_clip(clip).set_classifier(rows)
    views = VideoDataset(test_videos, 2, clip.size)
    before = embed_videos(model, views)
    assert zero_shot_accuracy(before.mean, rows, before.labels)["top5"] == 100  # of three classes
    config = TrainingConfig(epochs=1, batch_size=9, warmup_epochs=0, lr=1e-2, grad_clip=1.0)
    training = VideoDataset(train_videos, 2, clip.size, Views(training=True))
    [epoch] = fit(model, training, config, checkpoint_dir=tmp_path, name=kind, progress=False).history
    assert np.isfinite(epoch["loss"])
    assert torch.equal(model.classifier.weight, rows), "frozen rows do not move"
    assert (embed_videos(model, views).mean - before.mean).abs().max() > 1e-5


def test_the_tokens_of_a_folder_are_those_of_its_tokenizer_json(folders):
    from tokenizers import Tokenizer

    clip = load_clip(str(folders["siglip"]))
    tokens = clip.tokenizer(["A video,   of a Person!"])[0].tolist()
    stored = Tokenizer.from_file(str(folders["siglip"] / "tokenizer.json"))
    expected = stored.encode("a video of a person").ids
    assert tokens == expected + [1] * (16 - len(expected))


def test_a_text_tower_of_transformers(folders, tmp_path):
    from transformers import XLMRobertaConfig

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    XLMRobertaConfig(vocab_size=40, pad_token_id=1, **sizes).save_pretrained(tmp_path / "text")
    text = SENTENCEPIECE | {"context_length": 16, "hf_model_name": str(tmp_path / "text"), "hf_proj_type": "mlp"}
    config = {"embed_dim": 16, "vision_cfg": CONFIGS["vit"]["vision_cfg"], "text_cfg": text}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    write_tokenizer(tmp_path)
    model = open_clip.create_model(f"local-dir:{tmp_path}", load_weights=False, pretrained_text=False)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")
    check_against_open_clip(load_clip(str(tmp_path)))


@pytest.mark.slow
def test_random_weights_are_the_same_every_time():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = load_clip("ViT-S-32-alt", "random")
    assert torch.equal(torch.rand(3), expected), "nobody else's random numbers change"
    assert fingerprint(first.model) == fingerprint(load_clip("ViT-S-32-alt", "random").model)


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("ViT-S-32-alt", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ("MobileCLIP2-S0", (0.0,) * 3, (1.0,) * 3),
    ],
)
def test_weights_without_a_tag_get_the_pixels_that_the_model_is_trained_with(name, mean, std):
    with torch.device("meta"):
        clip = load_clip(name, "random", device="meta")
    assert (clip.mean, clip.std) == (mean, std)


class TestWhatIsMissing:
    """One error that names the model, what is missing and the remedy; nothing of retries and sockets."""

    @pytest.mark.parametrize(
        ("name", "pretrained", "missing"),
        [
            ("ViT-L-14-CLIPA", "random", "its tokenizer, bert-base-uncased"),
            ("roberta-ViT-B-32", "random", "its tokenizer, roberta-base"),
            ("ViT-B-16-SigLIP", "webli", "its weights 'webli'"),
            ("RN50-quickgelu", "openai", "its weights 'openai'"),
        ],
    )
    def test_files_of_the_hub(self, name, pretrained, missing):
        message = rf"model {name} needs {missing}: not in the cache .* does not answer.*HF_HOME.* folder"
        with pytest.raises(ValueError, match=message) as raised:
            load_clip(name, pretrained)
        assert raised.value.__context__ is None

    def test_the_configuration_of_a_text_tower(self, folders, tmp_path):
        folder = shutil.copytree(folders["siglip"], tmp_path / "clip")
        config = json.loads((folder / "open_clip_config.json").read_text())
        config["model_cfg"]["text_cfg"]["hf_model_name"] = "roberta-base"
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="needs the configuration of its text tower, roberta-base: not in"):
            load_clip(str(folder))

    # Without its vocabulary transformers makes a tokenizer that knows no word, and does not say so.
    @pytest.mark.parametrize("files", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
    def test_the_tokenizer_of_a_folder(self, folders, tmp_path, files):
        folder = shutil.copytree(folders["siglip"], tmp_path / "clip")
        for file in files:
            (folder / file).unlink()
        with pytest.raises(ValueError, match=r"clip holds no tokenizer .*: put the files of timm/ViT-B-16-SigLIP"):
            load_clip(str(folder))

    def test_the_package(self, monkeypatch):
        monkeypatch.setattr("text4vis_core.model.clip.find_spec", lambda name: None)
        with pytest.raises(ValueError, match=r"ViT-B-16-SigLIP needs .* pip install transformers"):
            load_clip("ViT-B-16-SigLIP", "random")

    @pytest.mark.parametrize("content", ["", "[]", '{"model_cfg": {"embed_dim": 16, "vision_cfg": {}}}'])
    def test_the_configuration(self, folders, tmp_path, content):
        folder = shutil.copytree(folders["vit"], tmp_path / "clip")
        (folder / "open_clip_config.json").write_text(content)
        with pytest.raises(ValueError, match=r"open_clip_config.json is not a configuration .* text_cfg"):
            load_clip(str(folder))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"image_size": [32, 48]}, "takes pictures of 32 x 48 pixels; only square ones"),
            ({"patches": 16}, "open_clip cannot build model .*patches"),
        ],
    )
    def test_what_does_not_fit_in_a_configuration(self, folders, tmp_path, change, message):
        folder = shutil.copytree(folders["vit"], tmp_path / "clip")
        config = json.loads((folder / "open_clip_config.json").read_text())
        config["model_cfg"]["vision_cfg"] |= change
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        for file in folder.glob("*.safetensors"):
            file.unlink()
        (folder / "open_clip_model.safetensors").touch()
        with pytest.raises(ValueError, match=message):
            load_clip(str(folder))
