"""Every file and list that people have is read as it is meant, or refused by name: suffixes, labels, frames, splits."""

import os
import shutil
from pathlib import Path

import data_sets
import pytest
from conftest import write_video
from data_sets import frames, lines, table, video

from text4vis_core import load_videos
from text4vis_core.data.formats import _places
from text4vis_core.data.formats._places import Known, locate, video_at
from text4vis_core.data.video_list import AnnotationError, NoValidation, Video, VideoList

NOT_UTF8 = os.fsdecode(b"caf\xe9")
SUFFIXES = (".wmv", ".MTS", ".m2ts", ".ts", ".3gp", ".flv", ".ogv", ".gif", ".dv", ".divx", ".asf", ".MPG", ".vob")


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("sound") / "sound.mp4", frames=2)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The files of which the decoder is asked whether they are videos."""
    names, is_video = [], _places.is_video
    monkeypatch.setattr(_places, "is_video", lambda path: names.append(path.name) or is_video(path))
    return names


def put(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    return target


def names_of(videos) -> list[str]:
    return [each.path.name for each in videos]


# Files of any suffix


def test_class_folders_read_every_video_and_name_what_is_none(sound, asked, tmp_path):
    folder = tmp_path / "train/run"
    known = [video(folder / f"clip {i}{suffix}").name for i, suffix in enumerate(SUFFIXES)]
    held = [put(sound, folder / name).name for name in ("no suffix", "camera.dat", "x.unheard_of", f"{NOT_UTF8}.mp4")]
    none = [lines(folder / name, "text").name for name in ("notes.txt", "clip.json", "Makefile", "fake.dat")]
    none += [put(sound, folder / name).name for name in ("cut off.mp4.part", "cut off.ytdl")]
    for name in ("thumb.jpg", "cover.PNG", ".hidden.mp4", "._clip 1.mp4"):
        video(folder / name)
    videos = load_videos("folders", tmp_path, "train")
    assert sorted(names_of(videos.videos)) == sorted(known + held)
    assert sorted(path.name for path in videos.ignored) == sorted(none)
    assert not set(known) & set(asked), "what is called a video is not opened"
    [note] = videos.notes
    assert note == (
        "6 passed over, as no videos: 'train/run/Makefile', 'train/run/clip.json', 'train/run/cut off.mp4.part', "
        "'train/run/cut off.ytdl', 'train/run/fake.dat', ..."
    )


def test_class_folders_name_what_is_no_file_and_what_lies_beside_the_classes(sound, tmp_path):
    folder = video(tmp_path / "train/run/1.mp4").parent
    os.mkfifo(folder / "pipe.mp4")
    os.mkfifo(folder / "pipe")
    (folder / "gone.wmv").symlink_to(tmp_path / "elsewhere.wmv")
    (folder / "gone").symlink_to(tmp_path / "elsewhere")
    (folder / "loop.mov").symlink_to(folder / "loop.mov")
    (folder / "linked.webm").symlink_to(sound)
    video(tmp_path / "train/beside.mp4")
    video(tmp_path / "more/run/2.mp4")
    for split in ("train", "all"):
        if split == "all":
            video(tmp_path / "test/run/3.mp4")
        videos = load_videos("folders", tmp_path, split)
        assert names_of(videos.videos)[:2] == ["1.mp4", "linked.webm"]
        assert names_of(videos.missing) == ["gone.wmv", "loop.mov"]
        assert sorted(path.name for path in videos.ignored) == ["beside.mp4", "gone", "more", "pipe", "pipe.mp4"]
    assert len(videos.fingerprint()) == 64


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".mp4", ".AVI", ".Webm", ".mp4.mkv", ".unheard_of", ""])
@pytest.mark.parametrize("listed", ["clip 1.5.avi", "clip 1.5.mkv", "clip 1.5"])
def test_a_listed_video_is_found_by_any_suffix(listed, suffix, sound, tmp_path):
    expected = put(sound, tmp_path / f"clip 1.5{suffix}")
    for name in ("clip 1.5.json", "clip 1.5.txt", "clip 1.5.mp4.part", "clip 1.5.jpg", "clip 1.mp4", "clip 1.50.mp4"):
        lines(tmp_path / name, "text")
    assert video_at(tmp_path / listed) == expected


def test_a_sidecar_a_pipe_or_a_link_to_nothing_is_not_a_listed_video(sound, tmp_path):
    for name in ("a.json", "a.txt", "a.srt", "a.jpg", "b.avi.txt"):
        lines(tmp_path / name, "text")
    put(sound, tmp_path / "a.part")
    os.mkfifo(tmp_path / "a.mkv")
    (tmp_path / "a.mov").symlink_to(tmp_path / "nowhere.mov")
    (tmp_path / "a.webm").symlink_to(tmp_path / "a.webm")
    (tmp_path / "a.1").mkdir()
    assert video_at(tmp_path / "a.mp4") is None
    assert video_at(tmp_path / "b.avi") is None
    assert video_at(tmp_path / ("c" * 300 + ".avi")) is None
    video(tmp_path / "a.ts")
    assert video_at(tmp_path / "a.mp4") == tmp_path / "a.ts"


def test_accents_and_backslashes_are_no_obstacle(tmp_path):
    composed, apart = "caf\u00e9", "cafe\u0301"
    video(tmp_path / f"{apart} #1/{apart} 100%.avi")
    assert video_at(tmp_path / f"{composed} #1" / f"{composed} 100%.mp4").name == f"{apart} 100%.avi"
    assert video_at(tmp_path / f"{composed} #1\\{composed} 100%.avi").name == f"{apart} 100%.avi"
    own = video(tmp_path / "a\\b.avi")
    video(tmp_path / "a/b.avi")
    assert video_at(own) == own, "where a file has the very name, it is meant"


def test_each_folder_is_listed_once_however_many_are_missing(monkeypatch, tmp_path):
    seen, visible = [], _places.visible
    monkeypatch.setattr(_places, "visible", lambda folder: seen.append(folder) or visible(folder))
    for i in range(5):
        video(tmp_path / f"flat/{i}.avi")
    known = Known()
    found = [video_at(tmp_path / f"flat/{i}.mp4", known) for i in range(50)]
    assert names_of(Video(path, 0) for path in found if path) == [f"{i}.avi" for i in range(5)]
    assert seen == [tmp_path / "flat"]


def test_kinetics_by_any_suffix_and_sidecars_are_asked_only_in_need(sound, asked, tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    there = sorted(root.rglob("*.mp4"))
    for path in there:
        lines(path.with_suffix(".json"), "{}")
        lines(path.with_suffix(".info.json"), "{}")
        put(sound, path.with_suffix(".mp4.part"))
    for path, suffix in zip(there, (".mkv", ".webm", ".mp4.webm", ".wmv", "", ".dat"), strict=False):
        path.unlink()
        put(sound, path.parent / (path.stem + suffix))
    videos = load_videos("kinetics600", root, "all")
    assert len(videos) == 16
    assert {path.suffix for path in (each.path for each in videos.videos)} == {
        ".mp4",
        ".mkv",
        ".webm",
        ".wmv",
        "",
        ".dat",
    }
    assert all("." not in name or name.endswith((".dat", ".json")) for name in asked)
    assert len(asked) <= 4, "of the two whose names do not tell"


@pytest.mark.parametrize("name", ["1.json", "1.mp4.part", "1.jpg", "1.mkv"])
def test_what_is_called_as_a_video_and_is_none_is_not_located(name, sound, tmp_path):
    if name == "1.mkv":
        os.mkfifo(tmp_path / name)
    else:
        (put(sound, tmp_path / name) if name != "1.json" else lines(tmp_path / name, "{}"))
    assert locate(tmp_path, ["1"], str.isdecimal) == {}


@pytest.mark.parametrize("suffix", [".wmv", ".MTS", ""])
@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51", "charades", "ssv2", "activitynet"])
def test_every_published_format_takes_other_suffixes(dataset, suffix, sound, tmp_path):
    root = data_sets.WRITERS[dataset](tmp_path / "data")
    for path in [path for path in root.rglob("*") if path.suffix in (".avi", ".mp4", ".webm", ".mkv")]:
        path.unlink()
        put(sound, path.with_suffix(suffix))
    videos = load_videos(dataset, root, "train")
    assert {each.path.suffix for each in videos.videos if each.path.is_file()} == {suffix}


# Lists


@pytest.fixture
def tsn(tmp_path, sound):
    """Write a training list and read it; files and folders of frames lie in `videos`."""
    table(tmp_path / "classes.csv", "id,name", (0, "run"), (1, "jump"), (2, "turn left"))
    for name in ("a.mp4", "b.mp4", "sub/c d.wmv", "it's 100% #1.avi", "one, two.mp4", f"{NOT_UTF8}.mp4"):
        video(tmp_path / "videos" / name)
    put(sound, tmp_path / "videos/bare")
    frames(tmp_path / "videos/f", 5, "img_{:05d}.jpg")
    frames(tmp_path / "videos/empty", 0, "")

    def read(*texts: str, end: str = "\n", **options) -> VideoList:
        data = "".join(text + end for text in texts).encode(errors="surrogateescape")
        (tmp_path / "train.txt").write_bytes(data)
        return load_videos("tsn", tmp_path, "train", **options)

    return read


def labels(videos: VideoList) -> list[tuple]:
    return [(each.path.name, *each.all_labels) for each in videos.videos]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("b.mp4 0 1", ("b.mp4", 0, 1)),
        ("b.mp4 2", ("b.mp4", 2)),
        ("b.mp4,0,1,2", ("b.mp4", 0, 1, 2)),
        ("b.mp4\t1\t0", ("b.mp4", 1, 0)),
        ("b.mp4 1 1", ("b.mp4", 1)),
        ("b.mov 1 2", ("b.mp4", 1, 2)),
        ("b.mp4, 2", ("b.mp4", 2)),
        ('"one, two.mp4",1', ("one, two.mp4", 1)),
        ("one, two.mp4,1", ("one, two.mp4", 1)),
        ("one, two.mp4 1 2", ("one, two.mp4", 1, 2)),
        ("it's 100% #1.avi 1", ("it's 100% #1.avi", 1)),
        ("sub\\c d.wmv 2", ("c d.wmv", 2)),
        ("videos\\sub\\c d.wmv\t2", ("c d.wmv", 2)),
        ("./sub/c d.avi 2 0", ("c d.wmv", 2, 0)),
        ("bare 1", ("bare", 1)),
        ("bare 1 2", ("bare", 1, 2)),
        ("bare\t1", ("bare", 1)),
        ("f 5 1", ("f", 1)),
        ("f,5,1", ("f", 1)),
        ("f\t5\t1", ("f", 1)),
        ("f,5,1,2", ("f", 1, 2)),
        ("f 1", ("f", 1)),
        (f"{NOT_UTF8}.mp4 0", (f"{NOT_UTF8}.mp4", 0)),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_is_read_as_it_is_meant(line, expected, end, tsn):
    videos = tsn(line, end=end)
    assert labels(videos) == [expected]
    assert videos.missing == ()
    assert videos.multi_label == (len(expected) > 2)
    assert bool(videos.notes) == videos.multi_label


@pytest.mark.parametrize(
    ("line", "reason", "remedy"),
    [
        ("b.mp4 0 3", "label 3 is not between 0 and 2", "correct it"),
        ("b.mp4 16 1", "label 16 is not between 0 and 2", "correct it"),
        ("b.mp4", "expected 'PATH FRAMES LABEL' or 'FILE LABEL'", "correct the line"),
        ("b.mp4,run", "expected 'PATH FRAMES LABEL' or 'FILE LABEL'", "correct the line"),
        ("nothing 0", "no video", "correct the line"),
        ("nothing.mp4,0", "no video", "fetch it, or remove the line"),
        ("nothing 4 0", "no folder", "fetch it, or remove the line"),
        ("a 4 0", "no folder", "if these are labels, list"),
        ("b 0 1", "no folder", "if these are labels, list b.mp4"),
        ("b.mp4 0,1", "no video", "or more labels, parted by spaces, or all of it by tabs or commas; correct the line"),
        ("a.mp4;1", "expected 'PATH FRAMES LABEL' or 'FILE LABEL'", "correct the line"),
        ("a.mp4 -1", "expected 'PATH FRAMES LABEL' or 'FILE LABEL'", "correct the line"),
        ("C:\\videos\\gone.mp4 1", "no video", "fetch it, or remove the line"),
        ("empty 1", "holds no frames such as img_00001.jpg", "extract them, or correct the line"),
        ("f.mp4 0 1", "no video", "fetch it, or remove the line"),
        ("f 5 0 1", "this may be of 'f 5' or of 'f'", "part its fields by commas"),
        ("f,6,1", "holds 5 frames, 6 are listed, img_00006.jpg is not there", "correct the line"),
        (f"{NOT_UTF8}_gone.mp4 1", "no video", "save the file as UTF-8"),
    ],
)
def test_a_line_that_may_mean_several_things_is_refused(line, reason, remedy, tsn):
    with pytest.raises(AnnotationError) as caught:
        tsn("a.mp4 0", line)
    message = str(caught.value)
    assert "train.txt, line 2: " in message
    assert message.rindex(remedy) > message.index(reason)
    assert message.isprintable()


def test_lists_with_a_header_and_missing_videos(tsn):
    videos = tsn("path,label", "a.mp4,1", "gone.mp4,1,2", missing="report")
    assert labels(videos) == [("a.mp4", 1)]
    assert [(each.path.name, each.labels) for each in videos.missing] == [("gone.mp4", (1, 2))]
    assert videos.notes == ("1 of 2 lines of train.txt give a file several labels",)
    assert len(tsn("video_path num_frames label", "f 5 1")) == 1


@pytest.mark.parametrize("name", ["train.csv", "train.tsv", "train_split_1.txt"])
def test_a_list_may_be_a_table(name, tsn, tmp_path):
    tsn("a.mp4,1")
    (tmp_path / "train.txt").rename(tmp_path / name)
    assert len(load_videos("tsn", tmp_path, "train")) == 1


@pytest.mark.parametrize(
    "names",
    [
        [f"img_{i:05d}.jpg" for i in range(5)],
        [f"image_{i:06d}.png" for i in range(1, 6)],
        [f"{i}.JPG" for i in range(8, 13)],
        [f"v_x_g01 frame{i:03d}.webp" for i in range(100, 105)],
        [f"clip {{0}}-{i:02d}_rgb.jpeg" for i in range(1, 6)],
    ],
)
def test_frames_of_one_numbering_are_found_out(names, tsn, tmp_path):
    for folder in ("g", "h"):
        for name in names:
            video(tmp_path / "videos" / folder / name)
    assert labels(tsn("f 5 0", "g 5 1", "h 4 2")) == [("f", 0), ("g", 1), ("h", 2)]
    (tmp_path / "videos/g" / names[2]).unlink()
    with pytest.raises(AnnotationError, match=r"line 1: .*g holds 4 frames, 4 are listed, .* is not there; extract"):
        tsn("g 4 1")
    with pytest.raises(AnnotationError, match=r"line 2: .*h holds 5 frames, 9 are listed, .* is not there; extract"):
        tsn("f 5 0", "h 9 1")


def test_frames_of_two_numberings_are_refused(tsn, tmp_path):
    frames(tmp_path / "videos/f", 5, "flow_x_{:05d}.jpg")
    with pytest.raises(AnnotationError, match=r"holds other pictures than .*; move them elsewhere"):
        tsn("f 5 0")


@pytest.mark.parametrize(
    "others", [("val.txt", "test.txt"), ("val1.txt", "sub/val_2.txt"), ("test.txt", "validation.txt")]
)
def test_one_of_several_lists_is_chosen_by_name(others, tsn, tmp_path):
    tsn("a.mp4 0")
    for number, name in enumerate(others):
        lines(tmp_path / name, f"b.mp4 {number}")
    with pytest.raises(
        AnnotationError, match=r"several lists may be meant, .*; keep one, or name the right one by .* test_list"
    ):
        load_videos("tsn", tmp_path, "test")
    for number, name in enumerate(others):
        assert labels(load_videos("tsn", tmp_path, "test", lists={"test": name})) == [("b.mp4", number)]
        own = [("b.mp4", 1 - number)] if name == "test.txt" else []  # the other list, which is called val
        every = load_videos("tsn", tmp_path, "all", lists={"test": Path(name).name})
        assert labels(every) == [("a.mp4", 0), *own, ("b.mp4", number)]
        if own:
            assert labels(load_videos("tsn", tmp_path, "val", lists={"test": name})) == own
        else:
            with pytest.raises(NoValidation, match="set val_share"):
                load_videos("tsn", tmp_path, "val", lists={"test": name})
    with pytest.raises(AnnotationError, match="train_list is 'videos', which is not there"):
        load_videos("tsn", tmp_path, "train", lists={"train": "videos"})
    with pytest.raises(AnnotationError, match=r"test_list is 'tset\.txt', which is not there; give its path below"):
        load_videos("tsn", tmp_path, "test", lists={"test": "tset.txt"})


def test_few_shot_lists_are_chosen_by_name(tsn, tmp_path):
    tsn("a.mp4 0", "b.mp4 1")
    for shots in (2, 4):
        lines(tmp_path / f"train1_few_shot_{shots}.txt", *shots * ["b.mp4 1"])
    with pytest.raises(AnnotationError, match=r"train1_few_shot_2\.txt, .*or name the right one by train_list"):
        load_videos("tsn", tmp_path, "train")
    lists = {"train": "train1_few_shot_2.txt", "test": ""}
    assert len(load_videos("tsn", tmp_path, "train", lists=lists)) == 2


def test_lists_of_ucf101_are_chosen_by_name_and_others_have_none(tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    shutil.copy(root / "ucfTrainTestlist/testlist02.txt", root / "ucfTrainTestlist/mine.txt")
    chosen = load_videos("ucf101", root, "test", lists={"test": "ucfTrainTestlist/mine.txt"})
    assert chosen.videos == load_videos("ucf101", root, "test", 2).videos
    with pytest.raises(ValueError, match=r"test_list is 'mine\.txt'; only puppets, ucf101, folders, tsn have lists"):
        load_videos("hmdb51", tmp_path, "test", lists={"test": "mine.txt"})
    with pytest.raises(ValueError, match=r"val_list is 'mine\.txt'; only puppets"):
        load_videos("tsn", tmp_path, "test", lists={"val": "mine.txt"})


@pytest.mark.parametrize(
    "line", ["YoYo\\v_YoYo_g01_c01.avi 3", "YoYo/v_YoYo_g01_c01.mkv", "YoYo/my clip #1 (100%).avi 3"]
)
def test_ucf101_lines_of_other_people(line, tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    video(root / "UCF-101/YoYo/my clip #1 (100%).avi")
    path = root / "ucfTrainTestlist/testlist01.txt"
    path.write_bytes("\r\n".join([*path.read_text().splitlines()[:2], line]).encode())
    last = load_videos("ucf101", root, "test").videos[-1]
    assert (last.path.parent.name, last.label) == ("YoYo", 2)
    assert last.path.is_file()


def test_zero_shot_lines_with_commas_backslashes_and_suffixes(tmp_path):
    root = data_sets.kinetics600_zero_shot(tmp_path / "data")
    path = root / "lists/test_split1_exist.txt"
    before = load_videos("kinetics600_zero_shot", root, "test")
    first, second, third, *rest = path.read_text().splitlines()
    texts = [first.replace(" ", ","), "k600\\" + second.replace(".mp4", ".mkv"), third.replace(".mp4 ", "\t")]
    lines(path, *texts, *rest)
    assert load_videos("kinetics600_zero_shot", root, "test") == before


@pytest.mark.parametrize("header", ["name,id", "Name, ID", '"name","id"', "name,note,id"])
def test_class_names_are_read_by_their_columns(header, tsn, tmp_path):
    extra = ["x"] if "note" in header else []
    table(tmp_path / "classes.csv", header, *((name, *extra, i) for i, name in enumerate(("run", "jump", "turn left"))))
    assert tsn("a.mp4 1").classes == ("run", "jump", "turn left")


@pytest.mark.parametrize("header", ["label,class", "0,run", "id;name"])
def test_other_columns_are_told_what_is_expected(header, tsn, tmp_path):
    table(tmp_path / "classes.csv", header, (0, "run"))
    with pytest.raises(
        AnnotationError, match=r"begins with 'id,name' .* none: add it, .*call the columns of classes.csv so"
    ):
        tsn("a.mp4 0")


# Class folders without splits


def recordings(root: Path, counts: dict[str, int], clips: int = 2) -> Path:
    for name, count in counts.items():
        for i in range(count):
            for j in range(clips):
                video(root / name / f"v_g{i:02d}_c{j:02d}.mp4")
    return root


@pytest.mark.parametrize(("count", "tested"), [(2, 1), (4, 1), (8, 2), (11, 2)])
def test_class_folders_are_split_by_recordings(count, tested, tmp_path):
    root = recordings(tmp_path, {"run": count, "jump": 5})
    train, test, both = (load_videos("folders", root, split) for split in ("train", "test", "all"))
    assert train.classes == test.classes == both.classes == ("jump", "run")
    groups = [{each.path.name[:5] for each in part.videos if each.label == 1} for part in (train, test)]
    assert not groups[0] & groups[1]
    assert [len(group) for group in groups] == [count - tested, tested]
    assert sorted(train.videos + test.videos, key=lambda each: each.path) == list(both.videos)
    assert load_videos("folders", root, "test") == test
    assert both.notes == ()
    rule = f"drawn for testing by seed 0: {2 * (tested + 1)} videos in {tested + 1} groups; "
    assert train.notes == test.notes
    assert rule + f"{2 * (count + 4 - tested)} in {count + 4 - tested} for training" in test.notes[0]


def test_the_split_of_one_class_does_not_depend_on_the_others(tmp_path):
    alone, among = recordings(tmp_path / "a", {"run": 9}), recordings(tmp_path / "b", {"run": 9, "jump": 4})
    first, second = (load_videos("folders", root, "test") for root in (alone, among))
    assert names_of(first.videos) == [each.path.name for each in second.videos if each.label == 1]


@pytest.mark.parametrize("names", [["clip1.mp4", "clip2.mp4"], ["001.avi", "002.avi", "003.avi"], ["only.mkv"]])
def test_a_class_of_one_recording_cannot_be_split(names, tmp_path):
    recordings(tmp_path, {"jump": 3})
    for name in names:
        video(tmp_path / "run" / name)
    with pytest.raises(
        AnnotationError, match=r"run: .* as clips of one recording, .* make folders train and test, rename"
    ):
        load_videos("folders", tmp_path, "test")
    assert len(load_videos("folders", tmp_path, "all")) == 6 + len(names)


def test_splits_may_have_other_names_and_a_missing_one_is_named(tmp_path):
    recordings(tmp_path / "train", {"run": 2})
    recordings(tmp_path / "val", {"run": 1})
    with pytest.raises(
        AnnotationError, match=r"no data at .*/test: the folder does not exist; add it, set test_list, or"
    ):
        load_videos("folders", tmp_path, "test")
    assert len(load_videos("folders", tmp_path, "test", lists={"test": "val"})) == 2
    assert len(load_videos("folders", tmp_path, "all", lists={"test": "val"})) == 6
    (tmp_path / "train").rename(tmp_path / "training")
    with pytest.raises(AnnotationError, match="train_list and test_list"):
        load_videos("folders", tmp_path, "test")


def test_a_class_whose_name_is_not_utf8_is_refused(tmp_path):
    video(tmp_path / "train" / NOT_UTF8 / "1.mp4")
    with pytest.raises(AnnotationError, match=r"caf\\\\?udce9' has a name that is not UTF-8; rename it"):
        load_videos("folders", tmp_path, "train")


def test_notes_stay_with_a_list(tmp_path):
    train = load_videos("folders", recordings(tmp_path / "data", {"run": 4, "jump": 4}), "train")
    assert train.few_shot(1, 0).notes == train.select_classes([1]).notes == train.notes != ()
