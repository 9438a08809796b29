"""What does not go together is told before any video is read, by every way in; what does is used."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
from backbones import NAMES, TEMPLATE
from conftest import ROOT
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors.torch import load_file, save_file

from text4vis_core import TrainingConfig, VideoClassifier, load_clip, save_text4vis_checkpoint
from text4vis_core.files import file_digest
from text4vis_core.model import ImageEncoder
from text4vis_core.model.checkpoints import TEXT_TOWER
from text4vis_lab import Lab, Part, experiment
from text4vis_lab.cell import Cell, Keep
from text4vis_lab.class_embeddings import save_class_embeddings
from text4vis_lab.experiment import train_and_test
from text4vis_lab.fitting import check_names, check_recipe, check_texts, embed_texts, text_side
from text4vis_lab.model_files import ModelError, read_facts
from text4vis_lab.model_files.facts import write_facts
from text4vis_lab.models import load_model, open_model
from text4vis_lab.processes import Processes
from text4vis_lab.sources import Clips, Source
from text4vis_lab.tournament.methods import named

VIT = {"image_size": 32, "patch_size": 8, "width": 64, "layers": 2, "head_width": 64}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
LONG = "waving a hand at someone who stands on the other side of a wide street"
DOOMED = "every video is read after what goes together is known"


@pytest.fixture
def unread(monkeypatch):
    """Reading a video is an error."""

    def fail(*arguments, **options):
        raise AssertionError(DOOMED)

    monkeypatch.setattr("text4vis_lab.sources.embed_videos", fail)
    monkeypatch.setattr("text4vis_lab.experiment.fit", fail)


@pytest.fixture
def open_zero_shot(ucf101, clip_folder, tmp_path):
    def opened(**given) -> Lab:
        usual = {"dataset": "ucf101", "data_root": str(ucf101), "model": str(clip_folder), "cache": "", "num_frames": 2}
        uses = ("data", "model", "clips", "hardware")
        return Lab.open("02_zero_shot", {"run_dir": str(tmp_path / "run")} | usual | given, uses=uses)

    return opened


def with_text(path: Path, clip, change=lambda text: text) -> tuple[Path, dict[str, torch.Tensor]]:
    """A checkpoint as the contrastive ones of the release: with the text tower that was trained beside it."""
    generator = torch.Generator().manual_seed(1)
    own = {name: tensor for name, tensor in clip.model.state_dict().items() if TEXT_TOWER.match(name)}
    text = change({name: t + 0.1 * torch.randn(t.shape, generator=generator) for name, t in own.items()})
    file = torch.load(path, weights_only=True)
    file["model_state_dict"] |= text
    torch.save(file, path.with_name("contrastive.pt"))
    return path.with_name("contrastive.pt"), text


# A text tower in the checkpoint


def test_the_text_tower_of_a_checkpoint_gives_the_class_embeddings(published, clip, test_videos):
    path, text = with_text(published[0], clip)
    model = load_clip(clip.source)
    model.model.load_state_dict(text, strict=False)
    expected = model.class_embeddings(test_videos.names)
    source = Source(clip=clip, checkpoint=str(path), num_frames=2)
    assert torch.equal(source.embed_classes(test_videos), expected)
    assert not torch.allclose(expected, clip.class_embeddings(test_videos.names), atol=1e-3)
    again = replace(source, template="{}")
    assert again.clip is source.clip, "it is put in place once"
    assert torch.equal(again.embed_names(["x"]), model.class_embeddings(["x"], "{}"))
    assert source.clip.model.visual is clip.model.visual, "and the rest is not copied"


def test_a_notebook_scores_by_the_text_tower_of_its_checkpoint(open_zero_shot, published, clip):
    path, text = with_text(published[0], clip)
    lab = open_zero_shot(checkpoint=str(path))
    rows = lab.zero_shot({"test": lab.test})
    model = load_clip(clip.source)
    model.model.load_state_dict(text, strict=False)
    classes = model.class_embeddings(lab.test.names)
    scores = lab.scores(rows.iloc[0]).scores
    expected = lab.untrained.logits(lab.embedded(lab.test).mean, classes)
    assert torch.allclose(scores, expected.detach(), atol=1e-5)


def test_the_page_says_whose_text_tower_it_is(open_zero_shot, published, clip, capsys):
    path, _ = with_text(published[0], clip)
    lab = open_zero_shot(checkpoint=str(path))
    lab.zero_shot({"test": lab.test})
    assert lab.notes == f"The text tower is that of {path}, its own."
    assert lab.notes in capsys.readouterr().out
    plain = open_zero_shot(checkpoint=str(published[0]))
    plain.zero_shot({"test": plain.test})
    assert plain.notes == ""


def without_a_block(text):
    return {name: tensor for name, tensor in text.items() if "resblocks" not in name}


def of_another_width(text):
    return text | {"text_projection": torch.zeros(24, 16)}


def longer(text):
    return text | {"positional_embedding": torch.zeros(77, 16)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_a_block, r"transformer\.resblocks\.0.* is missing"),
        (of_another_width, r"text_projection is \(24, 16\), in .*clip.* \(16, 16\)"),
        (longer, r"positional_embedding is \(77, 16\), in .*clip.* \(16, 16\)"),
    ],
)
def test_a_text_tower_that_is_not_whole_or_another_is_an_error(published, clip, change, said):
    path, _ = with_text(published[0], clip, change)
    with pytest.raises(ValueError, match=rf"contrastive\.pt holds a text tower that cannot be used \({said}.*; give a"):
        Source(clip=clip, checkpoint=str(path), num_frames=2)


def test_class_embeddings_in_the_place_of_a_checkpoints_text_tower_are_told(published, clip, tmp_path):
    path, _ = with_text(published[0], clip)
    rows = tmp_path / "rows.safetensors"
    save_class_embeddings(rows, NAMES, clip.class_embeddings(NAMES), clip.source, "{}")
    with pytest.warns(UserWarning, match=r"contrastive\.pt has a text tower of its own; .*rows\.safetensors stands in"):
        Source(checkpoint=str(path), class_embeddings=str(rows), num_frames=2)


def test_a_text_tower_that_was_trained_is_not_replaced_by_the_one_before(
    clip, train_videos, test_videos, tmp_path, monkeypatch
):
    base, novel = train_videos.select_classes([0, 1]), test_videos.select_classes([2, 1])
    keep = Keep(str(tmp_path / "run" / "models" / "contrastive"), ("ucf101", "x"))
    recipe = TrainingConfig(epochs=2, batch_size=4, lr=1e-2, warmup_epochs=0, clip_lr_ratio=1.0)
    tests = {"base": test_videos.select_classes([0, 1]), "novel": novel}
    export = str(tmp_path / "exported.pt")
    cell = Cell(named("contrastive"), base, tests, recipe, export=export, keep=keep)
    towers = []
    kept = experiment.left_behind

    def seen(cell, source, clips, model, outcome):
        towers.append((model, clips.embed(model, novel, cache=False)))
        return kept(cell, source, clips, model, outcome)

    monkeypatch.setattr("text4vis_lab.experiment.left_behind", seen)
    outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path)
    [(model, embedded)] = towers
    rows = model.text_tower.class_embeddings(novel.names)
    assert not torch.allclose(rows, clip.class_embeddings(novel.names), atol=1e-3)
    expected = model.logits(embedded.mean, rows).detach()
    assert torch.allclose(outcome.scores["novel", "1 view"].scores, expected, atol=1e-4)
    assert not Path(export).exists()
    assert any("its text tower was trained" in remark for remark in outcome.remarks)
    loaded = load_model(keep.folder)
    assert loaded.classes == ["apply lipstick", "hula hoop"]
    with pytest.raises(ModelError, match="the model's text tower was trained with it"):
        _ = loaded.with_labels(["archery", "biking"]).classifier


# A model beside a checkpoint


def vit_clip(folder: Path, **changed) -> str:
    vision, embed_dim = VIT | changed, changed.pop("embed_dim", 16)
    vision.pop("embed_dim", None)
    quick = vision.pop("quick_gelu", True)
    folder.mkdir()
    config = {"embed_dim": embed_dim, "vision_cfg": vision, "text_cfg": TEXT, "quick_gelu": quick}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    save_file(open_clip.model.CLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    return str(folder)


@pytest.fixture(scope="module")
def vit_checkpoint(tmp_path_factory) -> str:
    torch.manual_seed(0)
    visual = VisionTransformer(32, 8, 64, 2, 1, 4.0, output_dim=16, act_layer=QuickGELU)
    encoder = ImageEncoder(visual, 16, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    path = tmp_path_factory.mktemp("vit") / "vit.pt"
    save_text4vis_checkpoint(path, VideoClassifier(encoder, 3.0, "tsm"))
    return str(path)


def test_the_clip_that_a_checkpoint_was_trained_from_goes_with_it(tmp_path, vit_checkpoint):
    Source(clip=load_clip(vit_clip(tmp_path / "own")), checkpoint=vit_checkpoint, num_frames=2).build()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"patch_size": 16, "image_size": 64}, "patch 8 and not 16, input size 32 and not 64"),
        ({"image_size": 48}, "input size 32 and not 48"),
        ({"width": 128}, "width 64 and not 128"),
        ({"layers": 3}, "layers 2 and not 3"),
        ({"embed_dim": 32}, "embedding width 16 and not 32"),
        ({"quick_gelu": False}, "activation QuickGELU and not GELU"),
    ],
)
def test_another_clip_beside_a_checkpoint_is_told_with_both_values(
    tmp_path, vit_checkpoint, open_zero_shot, unread, changed, said
):
    message = rf"vit\.pt does not go with model .*other: it has {said}; set model to the CLIP that it was"
    other = vit_clip(tmp_path / "other", **changed)
    with pytest.raises(ValueError, match=message):
        Source(clip=load_clip(other), checkpoint=vit_checkpoint, num_frames=2)
    lab = open_zero_shot(model=other, checkpoint=vit_checkpoint)
    with pytest.raises(ValueError, match=message):
        lab.zero_shot({"test": lab.test})


def test_an_encoder_of_another_kind_beside_a_checkpoint_is_told(clip, vit_checkpoint):
    with pytest.raises(ValueError, match="it has kind ViT and not ResNet"):
        Source(clip=clip, checkpoint=vit_checkpoint, num_frames=2)


@pytest.mark.parametrize(
    ("zero", "said"),
    [
        ("text_projection", "the text tower of .*zeros tells no classes apart"),
        ("visual.proj", "the image encoder gives a video the embedding zero"),
    ],
)
def test_weights_that_are_zero_are_scored_by_nobody(tmp_path, open_zero_shot, zero, said):
    folder = vit_clip(tmp_path / "zeros")
    weights = load_file(tmp_path / "zeros" / "open_clip_model.safetensors")
    save_file(weights | {zero: torch.zeros_like(weights[zero])}, tmp_path / "zeros" / "open_clip_model.safetensors")
    lab = open_zero_shot(model=folder)
    with pytest.raises(
        ValueError, match=f"{said}; its weights are damaged, or were filled with zeros: take another copy"
    ):
        lab.zero_shot({"test": lab.test})


def test_a_clip_beside_the_model_of_another_is_told(kept_model, clip_folder, tmp_path, open_zero_shot, unread):
    other = shutil.copytree(clip_folder, tmp_path / "other")
    weights = load_file(other / "open_clip_model.safetensors")
    weights["text_projection"] += 0.1
    save_file(weights, other / "open_clip_model.safetensors")
    lab = open_zero_shot(model=str(other), checkpoint=str(kept_model))
    with pytest.raises(ModelError, match=r"parameter model: .*other is not the CLIP that .*kept was trained from"):
        lab.zero_shot({"test": lab.test})


# Class names and their texts


@pytest.mark.parametrize(
    "names", [["Hula Hoop", "hula  hoop"], ["HulaHoop", "hula_hoop"], [" hula hoop", "hula hoop"], ["a", "b", "a"]]
)
def test_names_that_are_one_are_an_error(names, clip):
    for ask in (check_names, lambda names: embed_texts(clip, names, TEMPLATE)):
        with pytest.raises(ValueError, match=r"classes .* and .* have one name; rename one"):
            ask(names)


@pytest.mark.parametrize("name", ["", " ", "_"])
def test_a_name_that_is_blank_is_an_error(name):
    with pytest.raises(ValueError, match="is blank"):
        check_names(["archery", name])


def test_texts_that_are_cut_are_told_by_name(clip):
    with pytest.warns(
        UserWarning, match=f"Texts of '{LONG}' are cut to the 16 tokens that the text tower reads: short"
    ):
        embed_texts(clip, [LONG, "archery"], TEMPLATE)


@pytest.mark.parametrize("words", [7, 8, 9, 10])
def test_a_text_that_just_fits_is_not_cut(clip, words):
    """`a video of a person ... .` is 6 tokens, and two are for begin and end: 16 hold 8 words."""
    said = check_texts(clip, ["x"], [[TEMPLATE.format(" ".join(["dog"] * words))]])
    assert bool(said) == (words > 8)


def test_texts_of_other_tokenizers_that_are_cut_are_told(folders):
    siglip = load_clip(str(folders["siglip"]))
    assert check_texts(siglip, ["a"], [["video"]]) == ""
    assert "Texts of 'b' are cut to the 16 tokens" in check_texts(siglip, ["a", "b"], [["video"], ["xyz " * 20]])


def test_classes_that_are_one_when_they_are_cut_are_an_error(clip, open_zero_shot, unread, test_videos):
    names = [f"{LONG} left", f"{LONG} right"]
    message = f"classes '{LONG} left' and '{LONG} right' are one text to the text tower of .*, of which it reads 16 tok"
    with pytest.raises(ValueError, match=message):
        embed_texts(clip, names, TEMPLATE)
    with pytest.raises(ValueError, match=message):
        open_model(clip.source, names)
    lab = open_zero_shot()
    with pytest.raises(ValueError, match=message):
        lab.zero_shot({"test": replace(lab.test, classes=(*names, "archery"))})


def test_words_that_a_tokenizer_does_not_know_apart_are_an_error(folders):
    with pytest.raises(ValueError, match="classes '中' and '文' are one text to the text tower"):
        embed_texts(load_clip(str(folders["siglip"])), ["中", "文"], "{}")


def test_what_is_cut_stands_in_the_notes_of_the_record(open_zero_shot, capsys):
    lab = open_zero_shot()
    long = replace(lab.test, classes=(LONG, *lab.test.classes[1:]))
    lab.note_data("test", long)
    lab.zero_shot({"test": long})
    [note] = lab.notes.splitlines()
    assert note.startswith(f"Texts of '{LONG}' are cut to the 16 tokens")
    assert capsys.readouterr().out.count(note) == 1
    assert note in json.loads(lab.save().read_text())["data"]["test"]["notes"]


def test_what_is_cut_in_a_training_is_told_before_it(open_zero_shot, unread, clip):
    lab = open_zero_shot()
    long = replace(lab.train, classes=(LONG, *lab.train.classes[1:]))
    cell = Cell(named("text, frozen"), long, {"test": long}, TrainingConfig(epochs=1, warmup_epochs=0))
    with pytest.raises(AssertionError, match=DOOMED), pytest.warns(UserWarning, match="are cut to the 16 tokens"):
        lab.run([cell])
    assert lab.notes.startswith(f"Texts of '{LONG}' are cut to the 16 tokens")


def test_two_classes_of_a_data_set_with_one_name_are_an_error(open_zero_shot, unread):
    lab = open_zero_shot()
    twice = replace(lab.test, classes=("HulaHoop", "hula_hoop", "WallPushups"))
    with pytest.raises(ValueError, match="classes 'hula hoop' and 'hula hoop' have one name"):
        lab.zero_shot({"test": twice})
    with pytest.raises(ValueError, match="have one name"):
        lab.run([Cell(named("text, frozen"), twice, {"test": twice}, TrainingConfig(epochs=1, warmup_epochs=0))])


# Class embeddings


@pytest.mark.parametrize("part", ["zero-shot", "training", "other classes"])
@pytest.mark.parametrize("fault", ["width", "count", "nan"])
def test_class_embeddings_that_do_not_fit_are_told_first(
    open_zero_shot, published, clip, tmp_path, unread, fault, part
):
    rows, names = clip.class_embeddings(NAMES), list(NAMES)
    file = tmp_path / "rows.safetensors"
    if fault == "width":
        rows = torch.cat([rows, rows], 1)
    elif fault == "count":
        rows, names = rows[:2], names[:2]
    save_class_embeddings(file, names, rows, clip.source, "{}")
    if fault == "nan":
        rows[1, 0] = float("nan")
        save_file({"embeddings": rows}, file, {"names": json.dumps(names)})
    message = {"width": "has rows of 32 numbers, the model 16; give", "count": "lacks 1 of 3", "nan": "'hula hoop' are"}
    lab = open_zero_shot(model="", checkpoint=str(published[0]), class_embeddings=str(file))
    recipe = TrainingConfig(epochs=1, warmup_epochs=0)
    two = lab.train.select_classes([0, 1])
    with pytest.raises(ValueError, match=rf"rows\.safetensors.*{message[fault]}"):
        if part == "zero-shot":
            lab.zero_shot({"test": Part(lab.test)})
        elif part == "training":
            lab.run([Cell(named("text, frozen"), lab.train, {"test": lab.test}, recipe)])
        else:
            lab.run([Cell(named("linear"), two, {"test": lab.test}, recipe)])


def test_a_cell_alone_is_checked_before_it_is_trained(published, clip, train_videos, test_videos, tmp_path, unread):
    save_class_embeddings(tmp_path / "two.safetensors", NAMES[:2], clip.class_embeddings(NAMES[:2]), "x", "{}")
    source = Source(clip=clip, class_embeddings=str(tmp_path / "two.safetensors"), num_frames=2)
    recipe = TrainingConfig(epochs=1, warmup_epochs=0)
    cell = Cell(named("linear"), train_videos.select_classes([0, 1]), {"test": test_videos}, recipe)
    with pytest.raises(ValueError, match=r"two\.safetensors lacks 1 of 3 classes: 'wall pushups'"):
        train_and_test(cell, source, Clips(num_frames=2), tmp_path)


# Precision


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
@pytest.mark.parametrize("method", ["text, frozen", "linear", "linear, text", "contrastive"])
def test_a_training_in_another_precision_is_measured_and_kept(clip, one_each_lists, tmp_path, precision, method):
    train, test = one_each_lists
    recipe = TrainingConfig(epochs=1, batch_size=3, warmup_epochs=0, precision=precision)
    keep = Keep(str(tmp_path / "run" / "models" / "kept"), ("ucf101", "x"))
    cell = Cell(named(method), train, {"test": test}, recipe, every_epoch="test", keep=keep)
    outcome = train_and_test(cell, Source(clip=clip, num_frames=2), Clips(num_frames=2), tmp_path)
    assert outcome.remarks == []
    assert outcome.scores["test", "1 view"].scores.dtype == torch.float32
    assert load_model(keep.folder).network.logit_scale.dtype == torch.float32


def test_a_precision_that_cannot_train_is_refused_before(open_zero_shot):
    with pytest.raises(ValueError, match="unknown precision '16-true'; choose from: auto, 32-true"):
        TrainingConfig(precision="16-true")


@pytest.fixture
def one_each_lists(one_each):
    from text4vis_core import load_videos

    return load_videos("ucf101", one_each, "train"), load_videos("ucf101", one_each, "test")


# Folders of models


@pytest.fixture(scope="module")
def made_model(clip, ucf101, tmp_path_factory) -> Path:
    from text4vis_core import load_videos

    root = tmp_path_factory.mktemp("run")
    train, test = (load_videos("ucf101", ucf101, split) for split in ("train", "test"))
    keep = Keep(str(root / "models" / "kept"), ("ucf101", str(ucf101)))
    recipe = TrainingConfig(epochs=1, batch_size=4, warmup_epochs=0)
    cell = Cell(named("text, frozen"), train, {"test": test}, recipe, keep=keep)
    train_and_test(cell, Source(clip=clip, model=clip.source, num_frames=2), Clips(num_frames=2), root)
    return Path(keep.folder)


@pytest.fixture
def kept_model(made_model, tmp_path) -> Path:
    """A model's folder of its own."""
    return shutil.copytree(made_model, tmp_path / "kept")


def rewritten(folder: Path, change) -> None:
    """Other weights, with their digest, as somebody else's model may have them."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")
    write_facts(folder, replace(read_facts(folder), weights=file_digest(folder / "model.safetensors")))


def spoil(weights):
    weights["visual.conv1.weight"][0] = float("nan")


def drop_a_row(weights):
    weights["classifier.weight"] = weights["classifier.weight"][:2].contiguous()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (spoil, r"model\.safetensors: visual\.conv1\.weight holds values that are not finite"),
        (drop_a_row, r"model\.safetensors has 2 rows of a classifier, model\.json 3 classes"),
    ],
)
def test_a_models_folder_that_does_not_fit_itself_is_told(kept_model, change, said):
    rewritten(kept_model, change)
    with pytest.raises(ModelError, match=said):
        load_model(kept_model)
    with pytest.raises(ModelError, match=said):
        open_model(str(kept_model), ["archery", "biking"])


def test_names_that_a_model_cannot_tell_apart_are_told_before_a_video_is_read(kept_model, video, unread):
    model = load_model(kept_model).with_labels([f"{LONG} left", f"{LONG} right"])
    with pytest.raises(ValueError, match="are one text to the text tower"):
        model.predict([video])


def test_a_model_of_a_checkpoint_with_a_text_tower_keeps_to_it(published, clip, ucf101, tmp_path):
    from text4vis_core import load_videos

    path, _ = with_text(published[0], clip)
    train, test = (load_videos("ucf101", ucf101, split) for split in ("train", "test"))
    keep = Keep(str(tmp_path / "run" / "models" / "kept"), ("ucf101", str(ucf101)))
    recipe = TrainingConfig(epochs=1, batch_size=4, warmup_epochs=0)
    source = Source(clip=clip, model=clip.source, checkpoint=str(path), num_frames=2)
    cell = Cell(named("text, frozen"), train, {"test": test}, recipe, keep=keep)
    train_and_test(cell, source, Clips(num_frames=2), tmp_path)
    assert read_facts(keep.folder).clip["checkpoint"] == str(path)
    rows = load_model(keep.folder).with_labels(["archery", "biking"]).classifier.weight
    assert torch.equal(rows, source.embed_names(["archery", "biking"]))


def test_text_side_names_a_file_that_is_not_there(clip):
    with pytest.raises(FileNotFoundError, match=r"parameter checkpoint: there is no file nowhere\.pt"):
        text_side(clip, "nowhere.pt")


# A recipe


def test_contrastive_training_on_several_labels_is_told_first(open_zero_shot, unread):
    lab = open_zero_shot()
    several = replace(
        lab.train, videos=tuple(replace(v, labels=(v.label, (v.label + 1) % 3)) for v in lab.train.videos)
    )
    recipe = TrainingConfig(epochs=1, warmup_epochs=0)
    with pytest.raises(ValueError, match="contrastive training pairs a video with one class name"):
        lab.run([Cell(named("contrastive"), several, {"test": lab.test}, recipe)])


def test_a_precision_that_does_not_go_with_shards_is_told_first(tmp_path):
    recipe = TrainingConfig(precision="16-mixed", strategy="fsdp")
    check_recipe(recipe, False, Processes())
    check_recipe(replace(recipe, precision="bf16-mixed"), False, Processes(devices=2))
    for several in (Processes(devices=2), Processes(num_nodes=2, folder=str(tmp_path))):
        with pytest.raises(ValueError, match="precision: '16-mixed' does not go with strategy 'fsdp'; choose"):
            check_recipe(recipe, False, several)


# A model by its name


@pytest.mark.parametrize("labels", [(), ("archery", "biking")])
def test_a_name_with_a_slash_has_a_suggestion(labels):
    with pytest.raises((ModelError, FileNotFoundError), match=r"ViT-B/32.*ViT-B-32"):
        open_model("ViT-B/32", labels)


def test_a_model_that_answers_what_is_not_finite_gives_no_answer(kept_model):
    model = load_model(kept_model)
    assert model.logits_of(torch.ones(2, 16)).isfinite().all()
    with pytest.raises(ValueError, match="scores of 1 of 2 videos are not finite"):
        model.logits_of(torch.tensor([[1.0] * 16, [float("nan")] * 16]))


# By papermill's command line and by a suite


@pytest.fixture
def given(published, clip, ucf101, clip_folder, tmp_path) -> dict[str, dict]:
    """Parameters of `02_zero_shot` by what is right or wrong with them."""
    whole, _ = with_text(published[0], clip)
    (tmp_path / "part").mkdir()
    part, _ = with_text(Path(shutil.copy(published[0], tmp_path / "part")), clip, without_a_block)
    save_class_embeddings(tmp_path / "wide.safetensors", NAMES, torch.ones(3, 32).triu(), "x", "{}")
    usual = {"dataset": "ucf101", "data_root": str(ucf101), "model": str(clip_folder), "cache": "", "num_frames": 2}
    usual |= {"templates": []}
    return {
        "whole": usual | {"checkpoint": str(whole)},
        "part": usual | {"checkpoint": str(part)},
        "wide": usual | {"class_embeddings": str(tmp_path / "wide.safetensors")},
        "slash": usual | {"model": "ViT-B/32"},
    }


ENDS = {
    "whole": "",
    "part": "contrastive.pt holds a text tower that cannot be used",
    "wide": "has rows of 32 numbers, the model 16",
    "slash": "closest: ViT-B-32",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ["whole", "slash"])
def test_by_papermills_command_line(case, given, tmp_path):
    out = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(ROOT / "notebooks" / "02_zero_shot.ipynb"), str(out)]
    for name, value in (given[case] | {"run_dir": str(tmp_path / "run")}).items():
        command += ["-y", json.dumps({name: value})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ENDS[case] in " ".join(done.stderr.split())
    assert (done.returncode == 0) == (not ENDS[case]) == (tmp_path / "run" / "result.json").is_file()
    if case == "whole":
        assert f"The text tower is that of {given[case]['checkpoint']}, its own." in out.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["part", "wide"])
def test_by_a_suite(case, given, tmp_path, monkeypatch):
    suite = tmp_path / "fits.yaml"
    run = {"name": case, "notebook": "02_zero_shot", "parameters": given[case]}
    suite.write_text(json.dumps({"description": "What goes together.", "runs": [run]}))
    monkeypatch.chdir(ROOT)
    command = [sys.executable, "-m", "text4vis_lab.suites", "execute", str(suite), case]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        assert not Path("runs", "fits", case, "result.json").is_file()
        assert ENDS[case] in done.stdout + done.stderr
    finally:
        shutil.rmtree(Path("runs", "fits"), ignore_errors=True)
