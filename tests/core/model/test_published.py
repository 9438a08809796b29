"""The published checkpoint format: the published implementation's numbers, every temporal module, both ways."""

import numpy as np
import open_clip
import pytest
import torch
from conftest import REFERENCE
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, VisionTransformer

from text4vis_core import VideoClassifier, load_text4vis_checkpoint, save_text4vis_checkpoint
from text4vis_core.files import CheckpointError
from text4vis_core.model import ImageEncoder, TemporalOptions
from text4vis_core.model.classifier import initialise
from text4vis_core.model.temporal import TemporalTransformer
from text4vis_core.training.resume import save_checkpoint

VECTORS = {"mean": "auto", "transformer": "auto", "tokent1d": "auto", "tokenshift": "tokenshift"}
TEMPORALS = (
    "mean",
    "transformer",
    "tokenshift",
    "tokent1d",
    "tsm",
    "joint",
    "tokenshift+transformer",
    "tsm+transformer",
)


def vit(width=64, layers=2, mlp_ratio=4.0, **options) -> VisionTransformer:
    heads = width // 64
    return VisionTransformer(32, 8, width, layers, heads, mlp_ratio, output_dim=32, act_layer=QuickGELU, **options)


def resnet(layers=(1, 1, 1, 1)) -> ModifiedResNet:
    visual = ModifiedResNet(list(layers), 32, 8, 32, 16)
    for module in visual.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1, 0.1)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
    return visual


def random_model(temporal="mean", visual=None, num_frames=4) -> VideoClassifier:
    torch.manual_seed(0)
    visual = visual or vit()
    encoder = ImageEncoder(visual, 32, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    model = VideoClassifier(encoder, 3.0, temporal, num_frames, TemporalOptions(2, position_std=1.0)).eval()
    for name, parameter in model.named_parameters():
        if "control_point" in name:  # else a token's convolution is the shift that it begins as
            torch.nn.init.normal_(parameter)
    return model


def clips(frames=4, videos=3) -> torch.Tensor:
    return torch.randn(videos, frames, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def same_numbers(model, other, frames=None) -> None:
    frames = clips() if frames is None else frames
    classes = torch.randn(11, model.dim, generator=torch.Generator().manual_seed(2))
    mine, theirs = model.encode_video(frames), other.encode_video(frames)
    assert torch.equal(mine, theirs)
    assert torch.equal(model.logits(mine, classes), other.logits(theirs, classes))


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_numbers(name, prefix, tmp_path):
    file = torch.load(REFERENCE / f"vit_{name}_f8.pt", weights_only=True)
    file["model_state_dict"] = {prefix + key: tensor for key, tensor in file["model_state_dict"].items()}
    torch.save(file, tmp_path / "file.pt")
    expected = {key: torch.from_numpy(array) for key, array in np.load(REFERENCE / f"vit_{name}_f8.npz").items()}
    model = load_text4vis_checkpoint(tmp_path / "file.pt", 8, VECTORS[name], temporal_heads=2)
    assert not model.training
    with torch.no_grad():
        embeddings = model.encode_video(expected["frames"])
        logits = model.logits(embeddings, expected["text_embeddings"])
    assert torch.allclose(embeddings, expected["video_embeddings"], atol=1e-5, rtol=0)
    assert torch.allclose(logits, expected["logits"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("temporal", "visual"),
    [(temporal, "vit") for temporal in TEMPORALS]
    + [(temporal, "resnet") for temporal in ("mean", "transformer", "tsm", "tsm+transformer")],
)
def test_saved_in_the_published_format_and_loaded_back_the_logits_are_identical(temporal, visual, tmp_path):
    model = random_model(temporal, vit() if visual == "vit" else resnet())
    save_text4vis_checkpoint(tmp_path / "ours.pt", model, epoch=7)
    file = torch.load(tmp_path / "ours.pt", weights_only=True)
    assert (set(file), file["epoch"]) == ({"epoch", "model_state_dict", "optimizer_state_dict"}, 7)
    asked = "tokenshift" if "tokenshift" in temporal else "auto"
    same_numbers(model, load_text4vis_checkpoint(tmp_path / "ours.pt", 4, asked, temporal_heads=2))


def test_names_of_the_modules_weights():
    def names(temporal, visual=None):
        return {name for name, _ in random_model(temporal, visual or vit()).named_parameters()} - {
            name for name, _ in random_model("mean", resnet() if visual else vit()).named_parameters()
        }

    assert names("tokenshift") == set()
    assert names("joint") == {"visual.time_embedding"}
    assert names("tokent1d") == {f"visual.transformer.resblocks.{i}.control_point.conv.weight" for i in (0, 1)}
    assert "visual.transformer.resblocks.1.net.attn.in_proj_weight" in names("tsm")
    assert names("tsm", resnet()) == {f"visual.layer{i}.0.conv1.net.weight" for i in (1, 2, 3, 4)}


def shifted(clip: torch.Tensor, fold: int) -> torch.Tensor:
    """(T, C, ...): the definition, entry by entry."""
    out = torch.zeros_like(clip)
    for t in range(len(clip)):
        for c in range(clip.shape[1]):
            source = t + 1 if c < fold else t - 1 if c < 2 * fold else t
            if 0 <= source < len(clip):
                out[t, c] = clip[source, c]
    return out


def residual(block, x):
    x = x + block.attention(block.ln_1(x))
    return x + block.mlp(block.ln_2(x))


@torch.no_grad()
def token_shift(visual, clip):
    """TokenShift and Token-T1D, one clip (T, 3, H, W), block by block."""
    x = visual._embeds(clip)
    for block in visual.transformer.resblocks:
        for branch in (lambda x, b=block: b.attention(b.ln_1(x)), lambda x, b=block: b.mlp(b.ln_2(x))):
            if hasattr(block.control_point, "conv"):
                weight = block.control_point.conv.weight[:, 0]
                padded = torch.nn.functional.pad(x[:, 0], (0, 0, 1, 1))
                token = torch.stack([(padded[t : t + 3].T * weight).sum(1) for t in range(len(clip))])
            else:
                token = shifted(x[:, 0], x.shape[-1] // 4)
            x = torch.cat([token[:, None], x[:, 1:]], 1)
            x = x + branch(x)
    return (visual.ln_post(x[:, 0]) @ visual.proj).mean(0)


@torch.no_grad()
def patch_shift(visual, clip):
    x = visual._embeds(clip)
    for block in visual.transformer.resblocks:
        patches = shifted(x[:, 1:].transpose(1, 2), x.shape[-1] // 8).transpose(1, 2)
        x = residual(block.net, torch.cat([x[:, :1], patches], 1))
    return (visual.ln_post(x[:, 0]) @ visual.proj).mean(0)


@torch.no_grad()
def joint_attention(visual, clip):
    tokens = [visual.class_embedding + visual.positional_embedding[0]]
    for t, frame in enumerate(clip):
        patches = visual.conv1(frame[None])[0].flatten(1).T
        tokens += [
            patch + place + visual.time_embedding[t]
            for patch, place in zip(patches, visual.positional_embedding[1:], strict=True)
        ]
    x = visual.ln_pre(torch.stack(tokens))[None]
    for block in visual.transformer.resblocks:
        x = residual(block, x)
    return visual.ln_post(x[0, 0]) @ visual.proj


@torch.no_grad()
def conv_shift(visual, clip):
    x, every = visual.stem(clip), 2 if len(visual.layer3) >= 23 else 1
    for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        for number, block in enumerate(stage):
            conv = block.conv1.net if number % every == 0 else block.conv1
            entering = shifted(x, x.shape[1] // 8) if number % every == 0 else x
            out = block.act2(block.bn2(block.conv2(block.act1(block.bn1(conv(entering))))))
            out = block.bn3(block.conv3(block.avgpool(out)))
            x = block.act3(out + (x if block.downsample is None else block.downsample(x)))
    return visual.attnpool(x).mean(0)


@pytest.mark.parametrize(
    ("temporal", "definition", "visual"),
    [
        ("tokenshift", token_shift, vit),
        ("tokent1d", token_shift, vit),
        ("tsm", patch_shift, vit),
        ("joint", joint_attention, vit),
        ("tsm", conv_shift, lambda: resnet((2, 1, 1, 1))),
        ("tsm", conv_shift, lambda: resnet((2, 1, 23, 1))),
    ],
)
def test_modules_inside_the_encoder_are_what_they_are_defined_to_be(temporal, definition, visual):
    torch.manual_seed(0)
    model = random_model(temporal, visual(), num_frames=5)
    frames = clips(frames=5)
    with torch.no_grad():
        embeddings = model.encode_video(frames)
    expected = torch.stack([definition(model.visual, clip) for clip in frames])
    assert torch.allclose(embeddings, expected, atol=2e-5)
    other = expected.roll(1, 0)  # the tolerance tells videos apart
    assert not torch.allclose(embeddings, other, atol=2e-5)


def test_a_tokens_convolution_begins_as_the_shift():
    torch.manual_seed(0)
    first, second = vit(), vit()
    second.load_state_dict(first.state_dict())
    first, second = (ImageEncoder(each, 32, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD) for each in (first, second))
    with torch.no_grad():
        shift = VideoClassifier(first, 1.0, "tokenshift").encode_video(clips())
        conv = VideoClassifier(second, 1.0, "tokent1d").encode_video(clips())
    assert torch.allclose(shift, conv, atol=1e-6)


@pytest.mark.parametrize("temporal", ["tokenshift", "tokent1d", "tsm", "joint"])
def test_modules_inside_learn_and_see_the_order_of_frames(temporal):
    model = random_model(temporal).train()
    model.encode_video(clips()).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.visual.parameters())
    with torch.no_grad():
        assert not torch.allclose(model.encode_video(clips()), model.encode_video(clips().flip(1)), atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 7, 16])
@pytest.mark.parametrize("temporal", ["mean", "transformer", "tokenshift", "tokent1d", "tsm"])
def test_other_lengths(temporal, frames, tmp_path):
    model = random_model(temporal)
    save_text4vis_checkpoint(tmp_path / "ours.pt", model)
    loaded = load_text4vis_checkpoint(
        tmp_path / "ours.pt", frames, "tokenshift" if temporal == "tokenshift" else "auto", 2
    )
    same_numbers(model, loaded, clips(frames))


def test_half_precision_weights_text_tower_and_separate_head(tmp_path):
    model = random_model("transformer")
    save_text4vis_checkpoint(tmp_path / "ours.pt", model)
    file = torch.load(tmp_path / "ours.pt", weights_only=True)
    state = {name: tensor.half() for name, tensor in file["model_state_dict"].items()}
    head = {name.removeprefix("fusion_"): state.pop(name) for name in list(state) if name.startswith("fusion_model.")}
    file["fusion_model_state_dict"] = {name.removeprefix("model."): tensor for name, tensor in head.items()}
    text = {"transformer.resblocks.0.ln_1.weight": torch.ones(4), "positional_embedding": torch.ones(77, 4)}
    file["model_state_dict"] = state | text
    save_checkpoint(tmp_path / "half.pt", file)
    half = load_text4vis_checkpoint(tmp_path / "half.pt", 4, temporal_heads=2)
    assert half.logit_scale.dtype == torch.float32
    with torch.no_grad():
        assert torch.allclose(half.encode_video(clips()), model.encode_video(clips()), atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dim", "heads"), [(64, 1024, 8), (64, 512, 8), (80, 640, 10)])
def test_heads_of_the_published_resnets_are_known_without_being_asked_for(width, dim, heads, tmp_path):
    visual = ModifiedResNet([1, 1, 1, 1], dim, width // 2, 32, width)
    encoder = ImageEncoder(visual, dim, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    options = TemporalOptions(heads, position_std=1.0)
    model = VideoClassifier(encoder, 1.0, "transformer", options=options).eval()
    save_text4vis_checkpoint(tmp_path / "resnet.pt", model)
    same_numbers(model, load_text4vis_checkpoint(tmp_path / "resnet.pt", 4))


@pytest.mark.parametrize(("name", "heads"), [("RN50-quickgelu", 8), ("ViT-B-32-quickgelu", 8), ("ViT-L-14-336", 12)])
def test_a_model_of_a_clip_has_the_published_number_of_heads(name, heads):
    config = open_clip.get_model_config(name)
    assert config["text_cfg"]["heads"] == config["text_cfg"]["width"] // 64 == heads


def test_a_model_of_a_clip_has_as_many_temporal_heads_as_its_text_tower(clip):
    model = VideoClassifier.from_clip(clip, "transformer")
    assert model.temporal.transformer.resblocks[0].attn.num_heads == clip.text_heads == 2


def test_a_head_beside_a_joint_encoder_is_left_out_as_in_the_release(tmp_path):
    model = random_model("joint")
    save_text4vis_checkpoint(tmp_path / "joint.pt", model)
    file = torch.load(tmp_path / "joint.pt", weights_only=True)
    head = torch.load(REFERENCE / "vit_transformer_f8.pt", weights_only=True)["model_state_dict"]
    file["model_state_dict"] |= {name: tensor for name, tensor in head.items() if name.startswith("fusion_model.")}
    save_checkpoint(tmp_path / "both.pt", file)
    same_numbers(model, load_text4vis_checkpoint(tmp_path / "both.pt", 4))


class Trap:
    def __reduce__(self):
        return (open, ("trapped", "w"))


@pytest.mark.parametrize("place", ["model_state_dict", "optimizer_state_dict", "everything"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(place, legacy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = torch.load(REFERENCE / "vit_mean_f8.pt", weights_only=True)
    file = Trap() if place == "everything" else file | {place: {"x": Trap()}}
    torch.save(file, "bad.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r"bad\.pt.*open.*nothing else is ever loaded") as error:
        load_text4vis_checkpoint("bad.pt", 8)
    assert "weights_only" not in str(error.value), "no advice on how to run it all the same"
    assert not (tmp_path / "trapped").exists()


def broken(change) -> dict:
    file = torch.load(REFERENCE / "vit_transformer_f8.pt", weights_only=True)
    change(file, file["model_state_dict"])
    return file


BROKEN = {
    "no_weights": (lambda file, state: file.pop("model_state_dict"), "not in the published format.*epoch"),
    "ours": (lambda file, state: (file.clear(), file.update(model=state, history=[])), "it holds model, history"),
    "no_scale": (lambda file, state: state.pop("logit_scale"), "lacks logit_scale"),
    "no_encoder": (
        lambda file, state: [state.pop(name) for name in list(state) if name.startswith("visual.")],
        "lacks logit_scale or visual",
    ),
    "stranger": (lambda file, state: state.update(classifier=torch.ones(2)), "classifier in model_state_dict"),
    "not_a_tensor": (lambda file, state: state.update(logit_scale=4.6), "logit_scale in model_state_dict"),
    "scale_of_two": (lambda file, state: state.update(logit_scale=torch.ones(2)), "logit_scale .* is not one number"),
    "number_for_a_name": (lambda file, state: state.update({7: torch.ones(2)}), "7 in model_state_dict"),
    "flat_projection": (
        lambda file, state: state.update({"visual.proj": torch.ones(4)}),
        "not an image encoder of OpenAI's CLIP",
    ),
    "head_of_text": (
        lambda file, state: (file.update(fusion_model_state_dict="x"), state.pop("logit_scale")),
        "lacks logit_scale",
    ),
    "lost_block": (lambda file, state: state.pop("visual.ln_post.weight"), "Missing.*visual.ln_post.weight"),
    "lost_projection": (
        lambda file, state: state.pop("visual.proj"),
        "not an image encoder of OpenAI's CLIP: it lacks visual.proj",
    ),
    "other_size": (
        lambda file, state: state.update({"visual.ln_pre.weight": torch.ones(5)}),
        "size mismatch for visual.ln_pre.weight",
    ),
    "lost_positions": (
        lambda file, state: state.pop("fusion_model.frame_position_embeddings.weight"),
        "frame_position_embeddings",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_checkpoints_say_what_is_wrong(name, tmp_path):
    change, message = BROKEN[name]
    torch.save(broken(change), tmp_path / "broken.pt")
    with pytest.raises(CheckpointError, match=message) as error:
        load_text4vis_checkpoint(tmp_path / "broken.pt", 8, temporal_heads=2)
    assert "broken.pt" in str(error.value)


def test_files_that_are_no_checkpoint(tmp_path):
    (tmp_path / "text.pt").write_text("not a checkpoint")
    for path, message in ((tmp_path / "text.pt", "cannot read"), (tmp_path / "absent.pt", "no such file")):
        with pytest.raises(CheckpointError, match=message):
            load_text4vis_checkpoint(path, 8)


@pytest.mark.parametrize(
    ("file", "arguments", "message"),
    [
        ("mean", {"temporal": "lstm"}, "unknown temporal module 'lstm'; choose from: auto, none, tokenshift"),
        ("mean", {"temporal": "tsm"}, "'tsm', but the weights in .* show 'none'"),
        ("tokent1d", {"temporal": "none"}, "'none', but the weights in .* show 'tokent1d'"),
        ("tokent1d", {"temporal": "tokenshift"}, "show 'tokent1d'"),
        ("transformer", {"temporal_heads": 3}, "3 heads do not divide the embedding size 64"),
        ("transformer", {"temporal_heads": -2}, "temporal_heads is -2"),
        ("transformer", {"num_frames": 100}, "has positions for 77 frames"),
        ("mean", {"num_frames": 0}, "num_frames is 0"),
    ],
)
def test_arguments_that_the_weights_contradict(file, arguments, message):
    with pytest.raises(ValueError, match=message):
        load_text4vis_checkpoint(REFERENCE / f"vit_{file}_f8.pt", **{"num_frames": 8} | arguments)


def test_a_joint_encoder_is_for_its_number_of_frames(tmp_path):
    save_text4vis_checkpoint(tmp_path / "joint.pt", random_model("joint", num_frames=4))
    with pytest.raises(ValueError, match=r"num_frames is 8, but .* is for 4 frames"):
        load_text4vis_checkpoint(tmp_path / "joint.pt", 8)
    with pytest.raises(ValueError, match="for 4 frames, the clip has 5"):
        random_model("joint", num_frames=4).encode_video(clips(5))


@pytest.mark.parametrize(
    ("temporal", "visual", "message"),
    [
        ("joint+transformer", vit, "one embedding per video"),
        ("tokenshift+tsm", vit, "two of one kind"),
        ("mean+transformer", vit, "two of one kind"),
        ("tokenshift", resnet, "goes into a ViT of open_clip's own; this image encoder is a ModifiedResNet"),
        ("joint", resnet, "goes into a ViT"),
        ("tsm", lambda: torch.nn.Identity(), "goes into a ViT or a ModifiedResNet .*is a Identity"),
        ("tokent1d", lambda: vit(block_type="custom"), "of CustomResidualAttentionBlock"),
        ("joint", lambda: vit(pool_type="avg"), "class token"),
    ],
)
def test_modules_where_they_make_no_sense(temporal, visual, message):
    with pytest.raises(ValueError, match=message):
        random_model(temporal, visual())


def test_joint_needs_the_number_of_frames():
    with pytest.raises(ValueError, match="needs num_frames"):
        random_model("joint", num_frames=None)


def spoiled(spoil) -> VideoClassifier:
    model = random_model()
    spoiled = spoil(model)
    return spoiled if isinstance(spoiled, VideoClassifier) else model


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: setattr(m.visual.transformer.resblocks[0].mlp, "gelu", torch.nn.GELU()), "activation is GELU"),
        (lambda m: setattr(m.visual.transformer.resblocks[0].attn, "num_heads", 2), "2 heads of a width of 64"),
        (lambda m: m.mean.fill_(0.5), "mean of its pixels"),
        (lambda m: setattr(m, "logit_bias", -10.0), "logit bias"),
        (lambda m: setattr(m, "visual", torch.nn.Linear(2, 2)), "image encoder is a Linear"),
        (lambda m: m.set_classifier(initialise("random", 3, 32), frozen=False), "classifier was trained"),
        (lambda m: random_model("mean", vit(ls_init_value=1.0)), "no form in the published format"),
        (lambda m: random_model("mean", vit(pool_type="avg")), "would compute other embeddings"),
        (lambda m: setattr(m.visual.ln_post, "eps", 0.1), "would compute other embeddings"),
        (lambda m: random_model("mean", ModifiedResNet([1, 1, 1, 1], 32, 4, 32, 16)), "would compute other embeddings"),
        (lambda m: random_model("mean", vit(mlp_ratio=2.0)), "MLPs are 128 wide"),
        (
            lambda m: setattr(m, "temporal", TemporalTransformer(32, 2, layers=2)),
            "2 blocks, 77 positions, not 6 and 77",
        ),
    ],
)
def test_models_that_the_published_code_would_compute_differently_are_not_exported(spoil, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        save_text4vis_checkpoint(tmp_path / "ours.pt", spoiled(spoil))
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_classifier_is_no_obstacle(tmp_path):
    model = random_model().set_classifier(initialise("random", 3, 32))
    save_text4vis_checkpoint(tmp_path / "ours.pt", model)
    same_numbers(model, load_text4vis_checkpoint(tmp_path / "ours.pt", 4))
