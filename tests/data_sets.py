"""Data sets in the true formats of their publishers, as small as they get: what `test_readers.py` reads and spoils.

Videos are files of a few bytes: a reader checks where they lie, not what they hold.
"""

import csv
import json
from pathlib import Path


def video(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")
    return path


def frames(folder: Path, count: int, template: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(1, count + 1):
        (folder / template.format(i)).write_bytes(b"picture")
    return folder


def lines(path: Path, *texts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def table(path: Path, header: str, *rows: tuple) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def ucf101(root: Path) -> Path:
    names = ("ApplyEyeMakeup", "PlayingGuitar", "YoYo")
    lines(root / "ucfTrainTestlist/classInd.txt", *(f"{i} {name}" for i, name in enumerate(names, start=1)))
    for fold in (1, 2, 3):
        train, test = [], []
        for i, name in enumerate(names, start=1):
            for group in (1, 2, 3):
                file = f"{name}/v_{name}_g{group:02d}_c01.avi"
                video(root / "UCF-101" / file)
                (test if group == fold else train).append(file if group == fold else f"{file} {i}")
        lines(root / f"ucfTrainTestlist/trainlist0{fold}.txt", *train)
        lines(root / f"ucfTrainTestlist/testlist0{fold}.txt", *test)
    return root


def hmdb51_file(name: str, number: int) -> str:
    return f"Ab_Workout__(_6_pack!_)_[_{number}_]_{name}_u_nm_np1_ba_goo_{number}.avi"


def hmdb51(root: Path) -> Path:
    for name in ("brush_hair", "clap", "situp"):
        files = [hmdb51_file(name, i) for i in range(6)]
        for file in files:
            video(root / name / file)
        for fold in (1, 2, 3):
            codes = [1, 2, 0, 1, 2, 0]
            rotated = codes[fold:] + codes[:fold]
            texts = (f"{file} {code} " for file, code in zip(files, rotated, strict=True))  # they end in a space
            lines(root / f"testTrainMulti_7030_splits/{name}_test_split{fold}.txt", *texts)
    return root


def folders(root: Path) -> Path:
    for split, count in (("train", 2), ("test", 1)):
        for name in ("PlayingGuitar", "push_up"):
            for i in range(count):
                video(root / split / name / f"{split} {i}.mp4")
    return root


KINETICS = "label,youtube_id,time_start,time_end,split"
KINETICS400 = ("air drumming", "massaging person's head", "passing American football (in game)")


def clip(identity: str, start: int) -> str:
    return f"{identity}_{start:06d}_{start + 10:06d}"


def kinetics(root: Path, labels: tuple[str, ...] = ("vacuuming floor", "adjusting glasses", "ski ballet")) -> Path:
    """The training clips in class folders with underscores, the validation clips flat, one of each not there."""
    for split, name in (("train", "train"), ("val", "validate")):
        rows = []
        for i, label in enumerate(labels):
            for j in range(3):
                identity = f"{'-' if split == 'val' else '_'}{i}abc-DEF_{j}"
                rows.append((label, identity, 10 * j, 10 * j + 10, name))
                folder = root / "videos_train" / label.replace(" ", "_") if split == "train" else root / "val"
                if (i, j) != (0, 2):
                    video(folder / f"{clip(identity, 10 * j)}.mp4")
        table(root / f"annotations/{split}.csv", KINETICS, *rows)
    return root


def kinetics400(root: Path) -> Path:
    return kinetics(root, KINETICS400)


def kinetics600_zero_shot(root: Path) -> Path:
    """The release's lists; the last clip of each is not there."""
    for fold in (1, 2, 3):
        names = [f"new class {i}" for i in range(fold, fold + 3)]
        table(root / f"lists/k160_labels_split{fold}.csv", "id,name", *enumerate(names))
        clips = [(clip(f"{fold}{i}{j}cdefghij", j), i) for i in range(3) for j in range(2)]
        lines(root / f"lists/test_split{fold}_exist.txt", *(f"{name}.mp4 {label}" for name, label in clips))
        for name, _ in clips[:-1]:
            video(root / "k600_test_video" / f"{name}.mp4")
    return root


def activitynet_content() -> dict:
    """Three videos for training, of which one shows two classes, two for validation, one for testing."""

    def entry(subset, duration, *segments):
        annotations = [{"segment": list(times), "label": label} for times, label in segments]
        return {"annotations": annotations, "duration": duration, "resolution": "320x240", "subset": subset, "url": ""}

    nodes = [("Root", None), ("Sports", "Root"), ("Zumba", "Sports"), ("BMX", "Sports"), ("Archery", "Sports")]
    return {
        "database": {
            "aaaaaaaaaaa": entry("training", 40.0, ((0.5, 12.25), "Zumba"), ((20, 30.5), "Zumba")),
            "annotations": entry("training", 60.0, ((1, 2), "Archery")),
            "-cccccccccc": entry("training", 30.0, ((1, 20), "BMX"), ((4, 9), "Archery")),
            "ddddddddddd": entry("validation", 50.0, ((3, 4), "BMX"), ((6, 7), "Zumba"), ((8, 9), "BMX")),
            "eeeeeeeeeee": entry("validation", 50.0, ((3, 4), "Archery")),
            "fffffffffff": entry("testing", 50.0),
        },
        "taxonomy": [
            {"nodeId": i, "nodeName": name, "parentId": None, "parentName": parent}
            for i, (name, parent) in enumerate(nodes)
        ],
        "version": "VERSION 1.3",
    }


def activitynet(root: Path) -> Path:
    root.mkdir(parents=True)
    (root / "activity_net.v1-3.min.json").write_text(json.dumps(activitynet_content()))
    video(root / "v1-3/train_val/v_aaaaaaaaaaa.mp4")
    frames(root / "frames/-cccccccccc", 15, "image_{:06d}.jpg")
    video(root / "v1-3/train_val/v_ddddddddddd.mkv")
    video(root / "v1-3/train_val/v_eeeeeeeeeee.webm")
    return root


CHARADES = "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length"


def charades(root: Path) -> Path:
    names = ("Holding some clothes", "Putting clothes somewhere", "Taking some clothes", "Throwing clothes somewhere")
    lines(root / "Charades/Charades_v1_classes.txt", *(f"c{i:03d} {name}" for i, name in enumerate(names)))

    def row(key, actions, script='A person, in "bed", holds clothes.'):
        return (key, "HR43", "Bedroom", 6, 7, "Yes", script, "bed;clothes", "", actions, "30.5")

    train = [
        row("46GP8", "c002 11.90 21.20;c000 0.00 12.60", "A field of\ntwo lines."),
        row("N11GT", "c001 0.00 5.30"),
        row("0IH69", ""),
    ]
    test = [row("YSKX3", "c003 0.00 11.00;c001 1.00 2.00;c003 15.00 30.00")]
    table(root / "Charades/Charades_v1_train.csv", CHARADES, *train)
    table(root / "Charades/Charades_v1_test.csv", CHARADES, *test)
    for key in ("46GP8", "N11GT"):
        video(root / f"Charades_v1_480/{key}.mp4")
    frames(root / "Charades_v1_rgb/YSKX3", 3, "YSKX3-{:06d}.jpg")
    return root


SSV2_LABELS = {
    "Approaching something with your camera": "0",
    "Pushing something from left to right": "1",
    "Putting something similar to other things that are already on the table": "2",
    "Putting something upright on the table": "3",
}


def ssv2(root: Path) -> Path:
    def entry(key, template, *placeholders):
        return {"id": key, "label": "", "template": template, "placeholders": list(placeholders)}

    train = [
        entry("78687", "Pushing [something] from left to right", "a book"),
        entry("42326", "Putting [something similar to other things that are already on the table]", "a cup"),
        entry("100904", "Approaching [something] with your camera", "a tree"),
    ]
    validation = [entry("74225", "Putting [something] upright on the table", "a can")]
    for what, content in (("labels", SSV2_LABELS), ("train", train), ("validation", validation)):
        path = root / f"something-something-v2-{what}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1))
    for each in train + validation:
        video(root / "20bn-something-something-v2" / f"{each['id']}.webm")
    return root


def tsn(root: Path) -> Path:
    table(root / "lists/labels.csv", "id,name", (0, "abseiling"), (1, "turning left"), (2, "yoga"))
    train = ["abseiling/a clip 1 7 0", "turning left/b 12 1", "yoga/c 3 2"]
    lines(root / "lists/train_rgb_split_1.txt", *train)
    lines(root / "lists/val_rgb_split_1.txt", "yoga/gone 0 2", "yoga/d e.mp4 2", "abseiling/f.MP4 0")
    lines(root / "lists/train_rgb_split_2.txt", "yoga/d e.mp4 2")
    frames(root / "frames/abseiling/a clip 1", 7, "img_{:05d}.jpg")
    frames(root / "frames/turning left/b", 12, "image_{:04d}.jpg")
    frames(root / "frames/yoga/c", 4, "image_{:06d}.jpg")
    video(root / "frames/yoga/d e.mp4")
    video(root / "frames/abseiling/f.MP4")
    return root


WRITERS = {
    "puppets": ucf101,
    "ucf101": ucf101,
    "folders": folders,
    "hmdb51": hmdb51,
    "kinetics400": kinetics400,
    "kinetics600": kinetics,
    "kinetics700": kinetics,
    "kinetics600_zero_shot": kinetics600_zero_shot,
    "activitynet": activitynet,
    "charades": charades,
    "ssv2": ssv2,
    "tsn": tsn,
}
