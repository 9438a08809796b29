"""Videos that belong together are found by their names."""

from pathlib import Path

import pytest

from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.groups import groups_in, groups_of


@pytest.mark.parametrize(
    "dataset, videos, expected",
    [
        ("puppets", ["a/v_PushUp_g21_c01.mp4", "a/v_Archery_g21_c01.mp4", "a/v_Archery_g22_c01.mp4"], [0, 0, 1]),
        ("ucf101", ["v_PushUp_g21_c01.avi", "v_Archery_g21_c01.avi", "v_Archery_g21_c02.avi"], [1, 0, 0]),
        (
            "hmdb51",
            ["x/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "x/April_09_brush_hair_u_nm_np1_ba_goo_1.avi", "y/B_1.avi"],
            [0, 0, 1],
        ),
    ],
)
def test_groups_of_a_data_set_that_has_them(dataset, videos, expected):
    groups, unit = groups_of(dataset, videos)
    assert groups.tolist() == expected
    assert unit == "groups"


def test_elsewhere_every_video_is_one_and_parts_of_a_file_are_one_video():
    groups, unit = groups_of("kinetics400", ["b.mp4#t=0,2.5", "b.mp4#t=3.0,", "a.mp4"])
    assert groups.tolist() == [1, 1, 0]
    assert unit == "videos"


def test_groups_that_are_in_two_splits_are_counted():
    def shown(*names: str) -> VideoList:
        return VideoList(("run",), tuple(Video(Path(f"v_Run_{name}.avi"), 0) for name in names))

    lists = {"train": shown("g01_c01", "g01_c02", "g02_c01"), "val": shown("g03_c01"), "test": shown("g02_c02")}
    table = groups_in("ucf101", lists)
    assert table["videos"].tolist() == [3, 1, 1]
    assert table["groups"].tolist() == [2, 1, 1]
    assert table["shared groups"].tolist() == [1, 0, 1]
    assert groups_in("kinetics400", lists)["shared groups"].tolist() == [0, 0, 0]


def test_of_a_cache_of_features_every_image_is_one():
    groups, unit = groups_of("features", ["test/0", "test/1"])
    assert groups.tolist() == [0, 1]
    assert unit == "images"
