"""Videos that belong together are found by their names."""

import pytest

from text4vis_lab.groups import groups_of


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
