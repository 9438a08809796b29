"""Copies as a data set: they are decoded as any other, and the data check sees when one is not what was written."""

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.loader import load_batches
from text4vis_lab.datacheck import check_data
from text4vis_lab.prepare.data_set import Work, prepare


def test_the_data_check_finds_a_copy_whose_content_changed(train_videos, tmp_path):
    prepare(train_videos, tmp_path / "copies", work=Work(num_workers=0, progress=False))
    lazy = load_videos("prepared", tmp_path / "copies", "train")

    def unreadable():
        again = load_videos("prepared", tmp_path / "copies", "train", missing="report")
        report = check_data({"train": again}, num_frames=2, progress=False)
        return [problem for problem in report.problems if problem.kind == "unreadable"]

    assert unreadable() == []
    copy = lazy.videos[4].path
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1  # of the size that it should have, so that loading does not see it
    copy.write_bytes(content)
    [problem] = unreadable()
    assert problem.video == lazy.videos[4]
    assert problem.reason == "its content is not what was written; delete it and call prepare again"


def test_workers_decode_the_videos_of_an_index(train_videos, tmp_path):
    prepare(train_videos, tmp_path / "copies", work=Work(num_workers=0, progress=False))
    dataset = VideoDataset(load_videos("prepared", tmp_path / "copies", "train"), 2, 16)
    batches = [[0, 1, 2], [8, 7]]
    [first, second] = load_batches(dataset, batches, 1)
    assert (first["indices"].tolist(), second["indices"].tolist()) == tuple(batches)
    for batch, wanted in zip(load_batches(dataset, batches), (first, second), strict=True):
        assert (batch["frames"] == wanted["frames"]).all()
