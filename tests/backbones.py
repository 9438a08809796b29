"""A small model of every kind that open_clip has, for the tests of the core and of the laboratory.

The tokenizers that open_clip takes from the Hugging Face Hub are small ones made here, in a cache of their own.
"""

import json
from pathlib import Path

import huggingface_hub
import open_clip
import pytest
import safetensors.torch
import torch

NAMES = ["apply lipstick", "hula hoop", "wall pushups"]
TEMPLATE = "a video of a person {}."
# Of the names that open_clip ships, small ones of each kind. No weights are needed to try them out.
SHIPPED = {"vit": "ViT-S-32-alt", "siglip": "ViT-B-16-SigLIP", "convnext": "convnext_tiny", "resnet": "RN50"}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
SENTENCEPIECE = {"hf_tokenizer_name": "timm/ViT-B-16-SigLIP", "tokenizer_kwargs": {"clean": "canonicalize"}}
TIMM = {"image_size": 160, "timm_model_pretrained": False}
CONFIGS = {
    "vit": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": TEXT,
    },
    # As ViT-B-16-SigLIP, but for the sizes.
    "siglip": {
        "embed_dim": 64,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": TIMM | {"timm_model_name": "test_vit", "timm_pool": "map", "timm_proj": "none"},
        "text_cfg": TEXT
        | SENTENCEPIECE
        | {"vocab_size": 40, "width": 64, "no_causal_mask": True, "proj_bias": True, "pool_type": "last"},
    },
    "convnext": {
        "embed_dim": 16,
        "vision_cfg": TIMM | {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "linear"},
        "text_cfg": TEXT,
    },
    "resnet": {
        "embed_dim": 16,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 8, "image_size": 32},
        "text_cfg": TEXT,
    },
    "coca": {
        "embed_dim": 16,
        "custom_text": True,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
        | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        "text_cfg": TEXT | {"context_length": 15, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {"context_length": 15, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
}
KINDS = ["vit", "siglip", "convnext", "resnet"]


def write_tokenizer(folder: Path) -> None:
    """A SentencePiece tokenizer of letters and a few words, in the files and with the settings of SigLIP's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    letters = [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    words = [("▁a", -3.0), ("▁video", -5.0), ("▁person", -5.0), ("▁of", -5.0)]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    tokenizer = Tokenizer(models.Unigram([*special, ("▁", -3.5), *letters, *words], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens([name for name, _ in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "legacy": False, "model_max_length": 64}
    settings |= {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A small model of every kind with random weights, saved as open_clip does. Read only."""
    root, made = tmp_path_factory.mktemp("backbones"), {}
    for seed, (kind, config) in enumerate(CONFIGS.items()):
        made[kind] = root / kind
        made[kind].mkdir()
        pixels = {"mean": [0.5] * 3, "std": [0.5] * 3} if kind == "siglip" else {}
        text = json.dumps({"model_cfg": config, "preprocess_cfg": pixels})
        (made[kind] / "open_clip_config.json").write_text(text)
        if "hf_tokenizer_name" in config["text_cfg"]:
            write_tokenizer(made[kind])
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = open_clip.create_model(f"local-dir:{made[kind]}", load_weights=False)
            for module in model.visual.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.ones_(module.weight)  # of a residual's last one open_clip makes 0
        safetensors.torch.save_file(model.state_dict(), made[kind] / "open_clip_model.safetensors")
    return made


@pytest.fixture(scope="session")
def hub_home(tmp_path_factory) -> Path:
    """A folder for HF_HOME whose cache holds SigLIP's tokenizer, as after one run with a network."""
    home, commit = tmp_path_factory.mktemp("huggingface"), "0" * 40
    repository = home / "hub" / "models--timm--ViT-B-16-SigLIP"
    for folder in (repository / "refs", repository / "snapshots" / commit, repository / ".no_exist" / commit):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / ".no_exist" / commit / "config.json").touch()
    write_tokenizer(repository / "snapshots" / commit)
    return home


@pytest.fixture
def no_network(hub_home, monkeypatch):
    """The Hub is never asked, here or in a kernel, and its cache is the one made here."""
    monkeypatch.setenv("HF_HOME", str(hub_home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(hub_home / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
