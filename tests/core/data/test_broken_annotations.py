"""Every reader on ten broken variants of its format and more: the file, the line and the remedy are named."""

import json
import shutil
from pathlib import Path

import data_sets
import pytest
from data_sets import WRITERS, activitynet_content

from text4vis_core import load_videos
from text4vis_core.data.formats.readers import READERS
from text4vis_core.data.video_list import AnnotationError


def change(path: str, number: int, text: str | None):
    """Replace a line of a file; None takes it out."""

    def spoil(root: Path) -> None:
        texts = (root / path).read_text().splitlines()
        texts[number - 1 : number] = [] if text is None else [text]
        (root / path).write_text("\n".join(texts) + "\n")

    return spoil


def remove(path: str):
    def spoil(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return spoil


def write(path: str, content: str | bytes):
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def annotations(*content):
    """Other annotations of the third video of ActivityNet's file."""
    return annotate("-cccccccccc", annotations=list(content))


def segment(times: list, label: str = "BMX"):
    return annotations({"segment": times, "label": label})


def taxonomy(content):
    """Another taxonomy in ActivityNet's file, in its second line."""

    def spoil(root: Path) -> None:
        rest = {"database": activitynet_content()["database"]}
        text = '{\n"taxonomy": ' + json.dumps(content) + ",\n" + json.dumps(rest)[1:]
        (root / "activity_net.v1-3.min.json").write_text(text)

    return spoil


def class_list(content: str):
    """The zero-shot splits as a list of class names beside Kinetics-600."""

    def spoil(root: Path) -> None:
        shutil.rmtree(root)
        data_sets.kinetics(root)
        (root / "classes_split1.txt").write_text(content)

    return spoil


def rename_frames(root: Path) -> None:
    for i, path in enumerate(sorted((root / "frames/yoga/c").iterdir())):
        path.rename(path.with_name(f"{'abcd'[i]}.jpg"))


def remove_videos(root: Path) -> None:
    for path in sorted(root.rglob("*")):
        if path.suffix in (".mp4", ".mkv", ".webm", ".avi", ".jpg"):
            path.unlink()
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def annotate(key: str, **changes):
    """Change a video of ActivityNet's file, which is then written with a line per value."""

    def spoil(root: Path) -> None:
        content = activitynet_content()
        content["database"][key] |= changes
        (root / "activity_net.v1-3.min.json").write_text(json.dumps(content, indent=1))

    return spoil


ANET, SSV2 = "activity_net.v1-3.min.json", "something-something-v2-"
SPLIT1, CLASSIND = "ucfTrainTestlist/trainlist01.txt", "ucfTrainTestlist/classInd.txt"
HMDB, WAVE = (f"testTrainMulti_7030_splits/{name}_test_split1.txt" for name in ("clap", "wave"))
TRAIN, CHARADES = "annotations/train.csv", "Charades/Charades_v1_train.csv"
ZERO, ZERO_NAMES = "lists/test_split1_exist.txt", "lists/k160_labels_split1.csv"
TSN, TSN_NAMES = "lists/train_rgb_split_1.txt", "lists/labels.csv"
CLASSES = "Charades/Charades_v1_classes.txt"
NOT_UTF8 = b"one\ntwo\n" + b"\xff\xfe\n"
LONG, DIGITS = 300 * "a", 5000 * "9"  # longer than a file's name may be, and than an integer that Python reads

# (how the data set is spoiled, the file that must be named, the line or None, the reason, the remedy)
UCF101_BROKEN = [
    (remove(CLASSIND), "", None, "no classInd.txt", "fetch it, or set data_root"),
    (remove(SPLIT1), "", None, "no trainlist01.txt", "fetch it, or set data_root"),
    (write(SPLIT1, ""), SPLIT1, None, "the file is empty", "fetch it again"),
    (write(SPLIT1, NOT_UTF8), SPLIT1, 3, "not text in UTF-8", "fetch the file again"),
    (change(CLASSIND, 2, "PlayingGuitar 2"), CLASSIND, 2, "expected 'ID NAME'", "correct the line"),
    (change(CLASSIND, 3, "2 YoYo"), CLASSIND, 3, "class id 2 occurs twice", "remove the line or renumber it"),
    (change(CLASSIND, 3, "3 PlayingGuitar"), CLASSIND, 3, "class PlayingGuitar occurs twice", "remove the line"),
    (change(CLASSIND, 1, "4 ApplyEyeMakeup"), CLASSIND, None, "class ids must be 1 to 3", "renumber them"),
    (change(SPLIT1, 4, "PlayingGuitar/v_PlayingGuitar_g02_c01.avi 1 2"), SPLIT1, 4, "two fields", "correct the line"),
    (change(SPLIT1, 4, "PlayingGuitar/ 2"), SPLIT1, 4, "expected 'CLASS/FILE'", "correct the line"),
    (change(SPLIT1, 4, "PlayingGuitar"), SPLIT1, 4, "expected 'CLASS/FILE'", "correct the line"),
    (change(SPLIT1, 4, "Guitar/v_PlayingGuitar_g02_c01.avi 2"), SPLIT1, 4, "'Guitar' is not in classInd", "correct it"),
    (change(SPLIT1, 4, "PlayingGuitar/v_PlayingGuitar_g02_c01.avi 4"), SPLIT1, 4, "between 1 and 3", "correct it"),
    (change(SPLIT1, 4, "PlayingGuitar/v_PlayingGuitar_g02_c01.avi 3"), SPLIT1, 4, "is not that of", "correct one"),
    (remove("UCF-101/PlayingGuitar/v_PlayingGuitar_g03_c01.avi"), SPLIT1, 4, "no such video", "fetch it or remove"),
    (change(SPLIT1, 4, f"PlayingGuitar/{LONG}.avi 2"), SPLIT1, 4, "no such video", "fetch it or remove"),
    (change(SPLIT1, 4, f"PlayingGuitar/v_PlayingGuitar_g02_c01.avi {DIGITS}"), SPLIT1, 4, "label 999", "correct it"),
    (change(CLASSIND, 3, f"{DIGITS} YoYo"), CLASSIND, 3, "expected 'ID NAME'", "correct the line"),
    (change(CLASSIND, 3, f"3 {LONG}"), SPLIT1, 5, "'YoYo' is not in classInd", "correct it"),
    (write(SPLIT1, "YoYo/v_YoYo_g02_c01.avi 3\n"), SPLIT1, None, "no videos of class ApplyEyeMakeup", "add some"),
]
KINETICS_BROKEN = [
    (remove("annotations"), "", None, "no train.csv", "fetch it, or set data_root"),
    (write(TRAIN, "\n"), TRAIN, None, "the file is empty", "fetch it again"),
    (write(TRAIN, data_sets.KINETICS + "\n"), TRAIN, None, "nothing follows", "fetch the file again"),
    (write(TRAIN, NOT_UTF8), TRAIN, 3, "not text in UTF-8", "save it as UTF-8"),
    (change(TRAIN, 1, "youtube_id,time_start,time_end,split"), TRAIN, 1, "no column 'label'", "must name the columns"),
    (change(TRAIN, 3, "yawning,_0abc-DEF_1,10,20"), TRAIN, 3, "4 fields where", "correct or remove the line"),
    (change(TRAIN, 3, '"yawning,_0abc-DEF_1,10,20,train'), TRAIN, 3, "not a line of CSV", "correct or remove it"),
    (change(TRAIN, 3, ",_0abc-DEF_1,10,20,train"), TRAIN, 3, "the label is empty", "or remove the line"),
    (change(TRAIN, 3, "{label},#NAME?,10,20,train"), TRAIN, 3, "'#NAME?' is not a YouTube id", "correct it"),
    (change(TRAIN, 3, "{label},../../../ab,10,20,train"), TRAIN, 3, "is not a YouTube id", "correct it"),
    (change(TRAIN, 3, "{label},_0abc-DEF_1,ten,20,train"), TRAIN, 3, "time_start 'ten' is not a number", "correct it"),
    (change(TRAIN, 3, "{label},_0abc-DEF_1,20,10,train"), TRAIN, 3, "20 is not before time_end 10", "correct them"),
    (change(TRAIN, 3, f"yawning,_0abc-DEF_1,10,{DIGITS},train"), TRAIN, 3, "is not a number of", "correct it"),
    (
        change(TRAIN, 1, "label,label,youtube_id,time_start,time_end"),
        TRAIN,
        1,
        "'label' occurs twice",
        "one of the two",
    ),
    (remove_videos, TRAIN, 2, "none of the 9 clips", "set data_root to the folder"),
    (write("kinetics_train.csv", "x"), "kinetics_train.csv, annotations", None, "several files", "keep one"),
]
KINETICS400_BROKEN = [
    (change(TRAIN, 3, "air druming,_0abc-DEF_1,10,20,train"), TRAIN, 3, "did you mean 'air drumming'", "correct it"),
    (
        change(TRAIN, 3, "ski ballet,_0abc-DEF_1,10,20,train"),
        TRAIN,
        3,
        "no class of Kinetics-400",
        "use dataset=kinetics600",
    ),
]
BROKEN = {
    "ucf101": UCF101_BROKEN,
    "puppets": UCF101_BROKEN,
    "folders": [
        (remove(""), "", None, "the folder does not exist", "set data_root"),
        (remove("train"), "train", None, "the folder does not exist", "set data_root"),
        (lambda root: (remove("train")(root), write("train", "x")(root)), "train", None, "does not exist", "data_root"),
        (lambda root: [remove(f"{s}/{c}")(root) for s in ("train", "test") for c in ("PlayingGuitar", "push_up")],
         "train", None, "no class folders", "/train/<class>/<video>"),
        (remove("train/push_up"), "train", None, "no videos of class push_up", "add some or remove the class"),
        (lambda root: (root / "train/empty").mkdir(), "train", None, "no videos of class empty", "remove the class"),
        (write("train/notes/readme.txt", "x"), "train", None, "no videos of class notes", "remove the class"),
        (write("test/archery/1.mp4", "x"), "train", None, "no videos of class archery", "add some or remove"),
        (write("train/sports/archery/1.mp4", "x"), "train/sports/archery", None, "holds 1.mp4", "one folder less"),
        (write("train/playing guitar/1.mp4", "x"), "", None, "are both 'playing guitar'", "merge the two folders"),
        (write("train/push_up/clip/frames.zip", "x"), "train/push_up/clip", None, "no frames", "<class>/<video>"),
    ],
    "hmdb51": [
        (remove("testTrainMulti_7030_splits"), "", None, "no <class>_test_split1.txt", "fetch it, or set data_root"),
        (write(HMDB, ""), HMDB, None, "the file is empty", "fetch it again"),
        (write(HMDB, NOT_UTF8), HMDB, 3, "not text in UTF-8", "fetch the file again"),
        (change(HMDB, 2, "a.avi"), HMDB, 2, "expected 'FILE CODE'", "correct the line"),
        (change(HMDB, 2, "a.avi 3"), HMDB, 2, "code 0, 1 or 2", "correct the line"),
        (change(HMDB, 2, "a.avi -1"), HMDB, 2, "code 0, 1 or 2", "correct the line"),
        (change(HMDB, 2, "a.avi train"), HMDB, 2, "code 0, 1 or 2", "correct the line"),
        (change(HMDB, 2, f"{LONG}.avi 1"), HMDB, 2, "no such video", "unpack clap.rar, or remove the line"),
        (change(HMDB, 2, "a.avi 1"), HMDB, 2, "no such video", "unpack clap.rar, or remove the line"),
        (remove("clap"), HMDB, 3, "no such video", "unpack clap.rar"),
        (write(HMDB, "a.avi 0\nb.avi 2\n"), HMDB, None, "no video of class clap has a code", "fetch the file again"),
        (write(WAVE, "a.avi 1\n"), WAVE, 1, "no such video", "unpack wave.rar"),
    ],
    "kinetics400": KINETICS_BROKEN + KINETICS400_BROKEN,
    "kinetics600": KINETICS_BROKEN,
    "kinetics700": KINETICS_BROKEN,
    "kinetics600_zero_shot": [
        (remove(ZERO), "", None, "no classes_split1.txt or test_split1_exist.txt", "fetch it, or set data_root"),
        (remove(ZERO_NAMES), "", None, "no k160_labels_split1.csv", "fetch it, or set data_root"),
        (write(ZERO, "\n"), ZERO, None, "the file is empty", "fetch it again"),
        (write(ZERO, NOT_UTF8), ZERO, 3, "not text in UTF-8", "fetch the file again"),
        (change(ZERO, 3, "110cdefghij_000000_000010.mp4"), ZERO, 3, "LABEL'", "correct or remove the line"),
        (change(ZERO, 3, "110cdefghij_0_10.mp4 1"), ZERO, 3, "<start>_<end>.mp4 LABEL'", "correct or remove"),
        (change(ZERO, 3, "110cdefghij_000000_000010.mp4 3"), ZERO, 3, "not between 0 and 2", "correct or remove"),
        (change(ZERO, 3, "110cdefghij_000000_000010.mp4 one"), ZERO, 3, "label one is not", "correct or remove"),
        (change(ZERO_NAMES, 3, "one,new class"), ZERO_NAMES, 3, "class id 'one'", "number from 0"),
        (change(ZERO_NAMES, 3, "1,new class 1"), ZERO_NAMES, 3, "occurs twice", "give each its own"),
        (change(ZERO_NAMES, 3, "7,new class 7"), ZERO_NAMES, None, "class ids must be 0 to 2", "renumber them"),
        (change(ZERO_NAMES, 3, "1,air drumming"), ZERO_NAMES, 3, "a class of Kinetics-400", "take it out"),
        (change(ZERO_NAMES, 1, "id,class"), ZERO_NAMES, 1, "no column 'name'", "must name the columns id,name"),
        (remove("k600_test_video"), ZERO, 1, "none of the 6 clips", "set data_root to the folder"),
        (class_list("dozing\n"), "classes_split1.txt", 1, "class 'dozing' is not in", "correct the name"),
        (class_list("b\na\nb\n"), "classes_split1.txt", 3, "class 'b' occurs twice", "remove the line"),
    ],
    "activitynet": [
        (remove(ANET), "", None, "no activity_net*1-3*.json", "fetch it, or set data_root"),
        (write(ANET, ""), ANET, None, "the file is empty", "fetch it again"),
        (write(ANET, '{"database": {\n"a": {},}}'), ANET, 2, "not JSON", "fetch the file again"),
        (write(ANET, "[1]"), ANET, 1, "expected an object", "fetch the file again"),
        (write(ANET, "[" * 10**6), ANET, 1, "nested too deeply", "fetch it again"),
        (write(ANET, '{"videos": {}}'), ANET, 1, "no videos under 'database'", "fetch it again"),
        (annotate("-cccccccccc", subset="train"), ANET, 40, "-cccccccccc: subset is 'train'", "correct it"),
        (annotate("-cccccccccc", duration="30"), ANET, 40, "duration '30' is not a number", "correct it"),
        (annotate("-cccccccccc", duration=float("nan")), ANET, 40, "is not a number of seconds", "correct it"),
        (annotate("-cccccccccc", annotations=None), ANET, 40, "no list of annotations", "or remove the video"),
        (annotations(), ANET, 40, "no list of annotations", "add the segments"),
        (segment([1]), ANET, 40, "segment [1]", "correct it"),
        (segment([-1, 2]), ANET, 40, "[-1, 2]", "correct it"),
        (segment([9, 2]), ANET, 40, "ends before", "swap"),
        (segment([1, 2], "BNX"), ANET, 40, "'BNX' is not", "correct"),
        (annotations("BMX"), ANET, 40, "segment None is not [start, end]", "correct it"),
        (taxonomy(None), ANET, 2, "taxonomy: expected a list of objects with a nodeName", "fetch the file again"),
        (taxonomy(5), ANET, 2, "taxonomy: expected a list", "fetch the file again"),
        (taxonomy(["BMX"]), ANET, 2, "taxonomy: expected a list", "fetch the file again"),
        (taxonomy([{"nodeName": ["BMX"]}]), ANET, 2, "taxonomy: expected a list", "fetch the file again"),
        (write(ANET, '{"database":\n{"a": {"duration": ' + DIGITS + "}}}"), ANET, 2, "more digits", "fetch it again"),
        (annotate("-cccccccccc", duration=10**400), ANET, 40, "is not a number of seconds", "correct it"),
        (segment([1, 10**400]), ANET, 40, "is not [start, end] in seconds", "correct it"),
        (write(ANET, '{"database": {"a": {}, "a": {}}}'), ANET, None, "'a' occurs twice in an object", "remove one"),
        (remove_videos, ANET, 1, "none of the 3 videos", "set data_root to its folder"),
    ],
    "charades": [
        (remove("Charades/Charades_v1_classes.txt"), "", None, "no Charades_v1_classes.txt", "fetch it, or set"),
        (remove(CHARADES), "", None, "no Charades_v1_train.csv", "fetch it, or set"),
        (write(CHARADES, ""), CHARADES, None, "the file is empty", "fetch it again"),
        (write(CHARADES, NOT_UTF8), CHARADES, 3, "not text in UTF-8", "save it as UTF-8"),
        (change("Charades/Charades_v1_classes.txt", 3, "c003 Taking some clothes"),
         "Charades/Charades_v1_classes.txt", 3, "expected 'c002 NAME'", "correct the line"),
        (change("Charades/Charades_v1_classes.txt", 3, "c002"),
         "Charades/Charades_v1_classes.txt", 3, "expected 'c002 NAME'", "correct the line"),
        (change(CHARADES, 1, "id,subject,scene,quality,relevance,verified,script,objects,descriptions,acts,length"),
         CHARADES, 1, "no column 'actions'", "must name the columns"),
        (change(CHARADES, 4, "N11GT,x"), CHARADES, 4, "2 fields where the first line names 11", "correct or remove"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c001 0.0,30"), CHARADES, 4, "is not 'CLASS START END'", "correct it"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c001 0.0 end,30"), CHARADES, 4, "is not 'CLASS START END'", "correct it"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c001 nan 1.0,30"), CHARADES, 4, "is not 'CLASS START END'", "correct it"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c001 0.0 inf,30"), CHARADES, 4, "is not 'CLASS START END'", "correct it"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c001 -1 1.0,30"), CHARADES, 4, "is not 'CLASS START END'", "correct it"),
        (write(CHARADES, "id,actions\nN11GT,\n46GP8,\n"), CHARADES, None, "no video has an action", "fetch it again"),
        (change(CLASSES, 3, "c002 Holding some clothes"), CLASSES, 3, "occurs twice", "give each class its own name"),
        (change(CHARADES, 4, "N11GT,,,,,,,,,c004 0.0 1.0,30"), CHARADES, 4, "class 'c004' is not in", "correct it"),
        (change(CHARADES, 4, "../N11,,,,,,,,,c001 0.0 1.0,30"), CHARADES, 4, "not a video's id", "correct it"),
        (remove("Charades_v1_480/N11GT.mp4"), CHARADES, 4, "no video N11GT.mp4", "fetch it or remove the line"),
    ],
    "ssv2": [
        (remove(f"{SSV2}labels.json"), "", None, f"no {SSV2}labels.json or labels.json", "fetch it, or set data_root"),
        (remove(f"{SSV2}train.json"), "", None, f"no {SSV2}train.json or train.json", "fetch it, or set data_root"),
        (write(f"{SSV2}train.json", ""), f"{SSV2}train.json", None, "the file is empty", "fetch it again"),
        (write(f"{SSV2}train.json", "[]"), f"{SSV2}train.json", None, "the list is empty", "fetch the file again"),
        (write(f"{SSV2}train.json", '[\n{"id": "1"'), f"{SSV2}train.json", 2, "not JSON", "fetch the file again"),
        (write(f"{SSV2}train.json", "{}"), f"{SSV2}train.json", 1, "expected a list", "fetch the file again"),
        (change(f"{SSV2}train.json", 13, ' "template": "Moving [something]",'),
         f"{SSV2}train.json", 11, "'Moving [something]' without brackets is not in", "correct it"),
        (change(f"{SSV2}train.json", 11, ' "id": "x42326",'), f"{SSV2}train.json", 11, "entry 2 has no", "correct it"),
        (change(f"{SSV2}train.json", 10, " 17, {"), f"{SSV2}train.json", 1, "entry 2 has no id", "correct it"),
        (change(f"{SSV2}labels.json", 3, ' "Pushing something from left to right": "zwei",'),
         f"{SSV2}labels.json", 3, "'zwei' is not a class id", "correct it"),
        (change(f"{SSV2}labels.json", 3, ' "Pushing something from left to right": "0",'),
         f"{SSV2}labels.json", 3, "'0' is not a class id of its own", "correct it"),
        (change(f"{SSV2}labels.json", 3, ' "Pushing something from left to right": "4",'),
         f"{SSV2}labels.json", 3, "from 0 to 3", "correct it"),
        (remove("20bn-something-something-v2/42326.webm"), f"{SSV2}train.json", 11, "no video 42326.webm", "unpack it"),
    ],
    "tsn": [
        (remove(TSN_NAMES), "", None, "class names that begins with 'id,name' is needed, there is none", "add it"),
        (write("more.csv", "id,name\n0,a\n"), "more.csv, lists/labels.csv", None, "there is several", "keep one"),
        (remove(TSN), "", None, "no list of split train, fold 1", "call it train_rgb_split_1.txt"),
        (write("train_split1.txt", "x"), f"train_split1.txt, {TSN}", None, "several lists", "keep one"),
        (write(TSN, ""), TSN, None, "the file is empty", "fetch it again"),
        (change(TSN, 2, "turning left/b twelve 1"), TSN, 2, "expected 'PATH FRAMES LABEL'", "correct the line"),
        (change(TSN, 2, "turning left/b 12 one"), TSN, 2, "expected 'PATH FRAMES LABEL'", "correct the line"),
        (change(TSN, 2, "b"), TSN, 2, "expected 'PATH FRAMES LABEL'", "correct the line"),
        (change(TSN, 2, "turning left/b 12 3"), TSN, 2, "label 3 is not between 0 and 2", "or the CSV of names"),
        (change(TSN, 2, "turning left/b.mp4 1"), TSN, 2, "no video", "fetch it, or remove the line"),
        (remove("frames/yoga/c"), TSN, 3, "no folder", "fetch it, or remove the line"),
        (remove("frames/turning left/b/image_0012.jpg"), TSN, 2, "11 frames, 12 are listed", "extract them again"),
        (change(TSN, 3, "yoga/c 5 2"), TSN, 3, "4 frames, 5 are listed, image_000005.jpg", "correct the line"),
        (write("frames/abseiling/a clip 1/flow_x_00001.jpg", "x"), TSN, 1, "other pictures", "move them elsewhere"),
        (change(TSN, 3, "yoga/c 20000000000000000 2"), TSN, 3, "4 frames, 200000000", "or correct the line"),
        (change(TSN, 3, f"yoga/c {DIGITS} 2"), TSN, 3, "expected 'PATH FRAMES LABEL'", "correct the line"),
        (change(TSN, 3, f"yoga/c 3 {DIGITS}"), TSN, 3, "expected 'PATH FRAMES LABEL'", "correct the line"),
        (change(TSN, 3, f"yoga/{LONG} 3 2"), TSN, 3, "no folder", "fetch it, or remove the line"),
        (change(TSN, 3, f"yoga/{LONG}.mp4 2"), TSN, 3, "no video", "fetch it, or remove the line"),
        (lambda root: (remove("frames/yoga/c")(root), write("frames/yoga/c", "x")(root)), TSN, 3,
         "is a file, 3 frames are listed", "or correct the line"),
        (remove("frames/yoga/c/image_000002.jpg"), TSN, 3, "image_000002.jpg is not there", "extract them again"),
        (rename_frames, TSN, 3, "its pictures are called a.jpg", "rename them"),
        (change(TSN_NAMES, 3, "5,turning left"), TSN_NAMES, None, "class ids must be 0 to 2", "renumber them"),
    ],
}  # fmt: skip


def test_every_reader_meets_ten_broken_variants():
    own = {name for name, reader in READERS.items() if reader.__module__.startswith("text4vis_core.")}
    assert BROKEN.keys() == own == WRITERS.keys()
    assert min(len(cases) for cases in BROKEN.values()) >= 10


@pytest.mark.parametrize(
    ("dataset", "number"), [(dataset, number) for dataset, cases in BROKEN.items() for number in range(len(cases))]
)
def test_a_broken_variant_is_named_by_file_line_and_remedy(dataset, number, tmp_path):
    spoil, file, line, reason, remedy = BROKEN[dataset][number]
    root = WRITERS[dataset](tmp_path / "data")
    spoil(root)
    with pytest.raises(AnnotationError) as caught:
        load_videos(dataset, root, "test" if dataset == "kinetics600_zero_shot" else "train")
    message = str(caught.value)
    assert str(root) in message
    assert (str(root / file) if "," not in file else file) in message
    assert f"{file}, line {line}: " in message if line else ", line " not in message
    assert reason in message
    assert message.rindex(remedy) > message.index(reason), "the remedy follows the reason"
    assert "\n" not in message


def test_zero_shot_splits_have_no_training_videos(tmp_path):
    with pytest.raises(AnnotationError, match="no training videos; use split=test, and train on dataset=kinetics400"):
        load_videos("kinetics600_zero_shot", data_sets.kinetics600_zero_shot(tmp_path / "data"), "train")


def listed_and_gone(root: Path, dataset: str) -> Path:
    """Take away a training video of a data set; where it lay."""
    path = {
        "ucf101": "UCF-101/PlayingGuitar/v_PlayingGuitar_g03_c01.avi",
        "hmdb51": f"clap/{data_sets.hmdb51_file('clap', 2)}",
        "charades": "Charades_v1_480/46GP8.mp4",
        "ssv2": "20bn-something-something-v2/42326.webm",
        "tsn": "frames/turning left/b",
    }[dataset]
    remove(path)(root)
    return root / path


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51", "charades", "ssv2", "tsn"])
def test_a_video_that_is_not_there_stops_or_is_reported_with_its_classes(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    whole = load_videos(dataset, root, "train")
    assert load_videos(dataset, root, "train", missing="report") == whole
    gone = listed_and_gone(root, dataset)
    with pytest.raises(AnnotationError, match=r"no such video|no video|no folder"):
        load_videos(dataset, root, "train")
    part = load_videos(dataset, root, "train", missing="report")
    [absent] = part.missing
    assert absent.path.name == gone.name
    assert part.classes == whole.classes
    assert sorted((v.path.name, v.label, v.labels) for v in part.videos + part.missing) == sorted(
        (v.path.name, v.label, v.labels) for v in whole.videos
    )


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51", "charades", "ssv2", "tsn"])
def test_a_data_set_without_any_of_its_videos_stops(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    remove_videos(root)
    with pytest.raises(AnnotationError, match=r"none of the \d+ videos of split 'train' is there, .*set data_root"):
        load_videos(dataset, root, "train", missing="report")


def test_a_class_may_lack_all_its_videos_where_they_are_reported(tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    shutil.rmtree(root / "UCF-101/YoYo")
    videos = load_videos("ucf101", root, "train", missing="report")
    assert [(len(videos), video.label) for video in videos.missing] == [(4, 2)] * 2


def test_faulty_lines_stop_where_missing_videos_are_reported(tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    change(SPLIT1, 4, "PlayingGuitar/v_PlayingGuitar_g02_c01.avi 3")(root)
    with pytest.raises(AnnotationError, match="line 4: label 3 is not that of PlayingGuitar"):
        load_videos("ucf101", root, "train", missing="report")


def test_unknown_treatment_of_missing_videos_names_the_choices(tmp_path):
    with pytest.raises(ValueError, match="missing is 'skip'; choose from: error, report"):
        load_videos("ucf101", tmp_path, "train", missing="skip")


@pytest.mark.parametrize("dataset", sorted(WRITERS))
def test_what_macos_leaves_behind_is_no_part_of_a_data_set(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    split = "test" if dataset == "kinetics600_zero_shot" else "train"
    before = load_videos(dataset, root, split)
    for path in [path for path in root.rglob("*") if path.suffix in (".txt", ".csv", ".json")]:
        path.with_name(f"._{path.name}").write_bytes(NOT_UTF8)
        write(f".Trashes/{path.name}", NOT_UTF8)(root)
    assert load_videos(dataset, root, split) == before
