import numpy as np
import pandas as pd
import pytest
from conftest import write_video

from text4vis_core.model.clip import load_clip
from text4vis_lab import own_answers
from text4vis_lab.models.opening import untrained
from text4vis_lab.own_suite import own_suite, slug, write_suite
from text4vis_lab.own_videos import recognise


@pytest.fixture
def own(tmp_path):
    for i, name in enumerate(("cats/one.mp4", "cats/two.mp4", "dogs/one.mp4", "dogs/two.mp4", "über alles.mp4")):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, 6, shift=i)
    (tmp_path / "mine" / "dogs" / "broken.mp4").write_bytes(b"nothing")
    return recognise(tmp_path / "mine")


@pytest.fixture
def answered(own, clip_folder):
    model = untrained(load_clip(str(clip_folder)), own.names, {"model": "tiny"}, num_frames=4)
    return own_answers.ask(model, own, model.clips)


def test_every_video_has_a_row(own, answered):
    table = answered.table
    assert table["video"].tolist() == [
        "cats/one.mp4", "cats/two.mp4", "dogs/broken.mp4", "dogs/one.mp4", "dogs/two.mp4", "über alles.mp4"
    ]  # fmt: skip
    assert table["label"].tolist() == ["cats", "cats", "dogs", "dogs", "dogs", ""]
    assert answered.places == [0, 1, 3, 4, 5]
    assert set(table["class"][answered.places]) <= {"cats", "dogs"}
    assert (table["error"] != "").tolist() == [False, False, True, False, False, False]
    assert np.allclose((table["probability"] + table["second_probability"]).dropna(), 1)
    assert table["familiarity"].isna().all()  # nothing is known of this model
    assert np.allclose(answered.probabilities.sum(1), 1, atol=1e-6)


def test_they_are_written_as_tables_and_as_a_page(own, answered, tmp_path):
    path = own_answers.write(answered, tmp_path)
    assert pd.read_csv(path, keep_default_na=False)["video"].tolist() == answered.table["video"].tolist()
    assert pd.read_parquet(tmp_path / "predictions.parquet").equals(answered.table)
    clips = own_answers.pictured(own, answered, [0, 5], "two of them")
    page = own_answers.write_page(tmp_path, "<Mine>", "a & b", clips, answered).read_text()
    assert page.count("<video") == 2 and "&lt;Mine&gt;" in page and "a &amp; b" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_suite_is_written_for_a_folder(own):
    suite = own_suite(own, [], {"model": "mini_clip"})
    assert [run["notebook"] for run in suite["runs"]] == [
        "17_your_videos", "07_data_check", "02_zero_shot", "03_few_shot"
    ]  # fmt: skip
    assert suite["runs"][3]["parameters"]["shots"] == [1]
    assert not suite["reference"]
    assert suite["runs"][0]["parameters"]["data_root"] == own.folder.as_posix()


def test_videos_alone_need_names_or_a_model(tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", 6)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no folders of classes, and no names are given: say make book DATA"):
        write_suite(tmp_path, [], {})
    path = write_suite(tmp_path, ["a", "b"], {})
    assert "17_your_videos" in path.read_text() and "03_few_shot" not in path.read_text()


@pytest.mark.parametrize(("name", "short"), [("Mes vidéos", "mes-videos"), ("clips", "clips"), ("视频", "videos")])
def test_a_folder_names_its_runs(name, short):
    assert slug(name) == short


@pytest.mark.slow
def test_the_sample_is_as_a_folder_of_ones_own(tmp_path):
    own = recognise(own_answers.sample(tmp_path / "sample"))
    assert (len(own.videos), len(own.labelled), own.too_few) == (60, 48, "")
    assert len({video.group for video in own.labelled}) > 20


def test_what_to_label_next_is_doubtful_and_different():
    near, far = [1.0, 0.0], [0.0, 1.0]
    embeddings = np.array([near, near, far, far, [0.7, 0.7]])
    sure, torn = [0.99, 0.01], [0.5, 0.5]
    probabilities = np.array([sure, torn, torn, sure, torn])
    assert own_answers.next_to_label(embeddings, probabilities, [0], 2) == [2, 4]
    assert sorted(own_answers.next_to_label(embeddings, probabilities, [0], 10)) == [1, 2, 3, 4]
    assert own_answers.next_to_label(embeddings, probabilities, range(5)) == []
