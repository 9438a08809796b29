"""Does the data check find faults? Some are planted among copies of sound videos, and the check is run on them."""

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from text4vis_core.data.video_list import VideoList

from .datacheck import DataReport, check_data


@dataclass(frozen=True)
class Planted:
    """What was planted, and what the check says of it.

    Attributes:
        expected: faults by kind; empty where there were not four sound video files to copy.
        report: of the check on the copies.
        pictures: (pictures, captions) of the faults.
    """

    expected: Counter
    report: DataReport
    pictures: tuple[list, list[str]] = field(default_factory=lambda: ([], []))

    @property
    def detected(self) -> Counter:
        """Faults that were found, by kind."""
        return Counter(problem.kind for problem in self.report.problems)

    @property
    def found(self) -> tuple[int, int]:
        """How many of the planted faults were found, and how many that were not planted."""
        return (self.expected & self.detected).total(), (self.detected - self.expected).total()


def check_planted(report: DataReport, classes: tuple[str, ...], num_frames: int, pictures: int = 12) -> Planted:
    """Copy four sound files; empty one, list one by a part of one frame, copy one again, and list one that is gone.

    Nothing may be found in the fourth. Report and class names are the data set's; of faults at most so many pictures.
    """
    # Parts of one file, or the same video in two splits, are no sources of their own.
    sound = [video for split in report.splits for video in report.sound(split)]
    files = {video.path: video for video in sound if video.path.is_file() and report.files[video.path].fps}
    expected: Counter = Counter()
    planted = []
    with TemporaryDirectory() as temporary:
        if len(files) >= 4:
            for number, source in enumerate(list(files.values())[:4]):
                copy = Path(temporary, f"{number}{source.path.suffix[:9]}")
                planted.append(replace(source, path=Path(shutil.copy(source.path, copy)), label=0, labels=()))
            empty, short, twin, _ = planted
            empty.path.write_bytes(b"")  # a download that broke off at once
            planted[1] = replace(short, start=short.start or 0.0, end=short.start or 0.0)
            copy = Path(shutil.copy(twin.path, Path(temporary, f"twin{twin.path.suffix}")))
            planted += [replace(twin, path=copy), replace(empty, path=Path(temporary, "gone.mp4"))]
            expected = Counter({"missing": 1, "unreadable": 1, "too short": int(num_frames > 1), "duplicated": 2})
        found = check_data({"planted": VideoList(classes, tuple(planted))}, num_frames, 1, False, report.reading)
        return Planted(expected, found, found.pictures(pictures))
