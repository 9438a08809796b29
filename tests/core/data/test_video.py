"""Reading videos: the frames asked for, in RGB, or an error that names the file."""

import errno
import gc
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import frame_numbers, write_video
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.video import (
    AvReader,
    DecordReader,
    VideoError,
    decode_frames,
    open_video,
    read_distinct_frames,
    read_frames,
)
from text4vis_core.data.video_list import Video, VideoList

FORMATS = {
    "h264.mp4": ("libx264", {"bf": "2", "crf": "12"}),
    "long-gop.mp4": ("libx264", {"bf": "3", "crf": "12", "g": "250"}),
    "vp9.webm": ("libvpx-vp9", {}),
    "h264.mkv": ("libx264", {"bf": "2", "crf": "12"}),
    "xvid-simple.avi": ("mpeg4", {"flags": "+qscale", "global_quality": "236"}),
    "xvid-b-frames.avi": ("mpeg4", {"bf": "2", "flags": "+qscale", "global_quality": "236"}),
    "h264.avi": ("libx264", {"bf": "0", "crf": "12"}),
    "mpeg2.mpg": ("mpeg2video", {}),
    "h264-b-frames.avi": ("libx264", {"bf": "2", "crf": "12"}),
    # Of these, and of 10 bits, decord gives other frames than those asked for, and says nothing.
    "open-gop.mp4": ("libx264", {"bf": "3", "crf": "12", "x264-params": "open-gop=1"}),
    "hevc.mp4": ("libx265", {"crf": "12", "x265-params": "log-level=none"}),
    "intra-refresh.mp4": ("libx264", {"crf": "12", "x264-params": "intra-refresh=1"}),
    "transport.ts": ("libx264", {"bf": "2", "crf": "12"}),
}


def size_of(name):
    """Height and width: x265 writes beyond its buffers for smaller pictures, and the test's process would abort."""
    return (128, 160) if "hevc" in name else (32, 40)


def picture_folder(folder, names, size=(8, 10)):
    folder.mkdir()
    for i, name in enumerate(names):
        picture = np.empty((*size, 3), np.uint8)
        picture[:] = (20 + 10 * i, 110, 200)
        Image.fromarray(picture).save(folder / name)
    return folder


def write_noise(path, codec="libx264", form=None, sound: float = 0.0, **options):
    """Twenty frames of noise at 10 per second, whose size is in the frames, with some seconds of silence."""
    import av

    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options=form or {}) as container:
        stream = container.add_stream(codec, rate=10, options={"g": "5", **options})
        stream.height, stream.width, stream.pix_fmt = 64, 80, "yuv420p"
        silence = container.add_stream("aac", rate=16000) if sound else None
        for _ in range(20):
            picture = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if silence:
            samples = np.zeros((1, int(16000 * sound)), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(silence.encode(frame))
            container.mux(silence.encode())
    return path


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("wanted", [[0, 3, 7, 8, 13], [13], [7], [11, 12], list(range(14))], ids=str)
def test_frames_are_the_ones_asked_for(tmp_path, name, wanted):
    codec, options = FORMATS[name]
    path = write_video(tmp_path / name, 14, size_of(name), codec, **options)
    assert frame_numbers(read_frames(path, lambda length: np.array(wanted))) == wanted


def test_frame_rate_and_length_are_read_by_both_decoders(video):
    for reader in (DecordReader(video), AvReader(video)):
        assert (len(reader), reader.fps) == (12, 12.0)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(wanted=st.lists(st.integers(0, 11), min_size=1, max_size=20))
def test_any_indices_in_any_order_with_repeats(video, wanted):
    assert frame_numbers(read_frames(video, lambda length: np.array(wanted))) == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(wanted=st.lists(st.integers(0, 11), min_size=1, max_size=12, unique=True).map(sorted))
def test_decord_and_pyav_decode_the_same_pixels(video, wanted):
    decord, pyav = (reader(video).decode(np.array(wanted)) for reader in (DecordReader, AvReader))
    assert decord.dtype == pyav.dtype == np.uint8
    assert decord.shape == pyav.shape == (len(wanted), 32, 40, 3)
    assert np.abs(decord.astype(int) - pyav).max() <= 2  # the two round the colour conversion on their own


def test_decord_reads_where_pyav_is_not_installed(video, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert isinstance(open_video(video), DecordReader)
    assert frame_numbers(read_frames(video, lambda length: np.array([0, length - 1]))) == [0, 11]


@pytest.mark.parametrize("name", ["h264.mp4", "xvid-b-frames.avi"])
def test_every_frame_is_the_same_whichever_others_are_asked_for(tmp_path, name):
    path = write_noise(tmp_path / name, codec="mpeg4" if name.endswith("avi") else "libx264", bf="2", g="6")
    together = AvReader(path).decode(np.arange(20))
    alone = np.concatenate([AvReader(path).decode(np.array([i])) for i in range(20)])
    assert np.array_equal(together, alone)
    assert len({frame.tobytes() for frame in together}) == 20


def test_repeated_frames_are_decoded_once(video):
    frames, places = read_distinct_frames(video, lambda length: np.array([7, 3, 7, 7, 11]))
    assert (frame_numbers(frames), places.tolist()) == ([3, 7, 11], [1, 0, 1, 1, 2])


def test_no_file_stays_open(video, tmp_path):
    def open_files():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    paths = [video, write_video(tmp_path / "b.avi", 6, codec="mpeg4", bf="2")]
    gc.disable()
    try:
        read_frames(video, lambda length: np.arange(2))
        before = open_files()
        for path in paths * 5:
            read_frames(path, lambda length: np.arange(2))
        assert open_files() == before
    finally:
        gc.enable()


def test_folder_of_pictures_is_ordered_by_number(tmp_path):
    folder = picture_folder(tmp_path / "frames", ["frame_1.png", "frame_2.png", "frame_10.png"])
    (folder / "notes.txt").write_text("not a picture")
    assert len(open_video(folder)) == 3
    assert frame_numbers(read_frames(folder, lambda length: np.arange(length))) == [0, 1, 2]


def test_folder_of_pictures_of_two_sizes(tmp_path):
    folder = picture_folder(tmp_path / "frames", ["1.png"])
    Image.new("RGB", (3, 3)).save(folder / "2.png")
    with pytest.raises(VideoError, match=r"frames: its pictures differ in size"):
        read_frames(folder, lambda length: np.arange(length))


def make_missing(path):
    return path


def make_empty(path):
    path.touch()


def make_text(path):
    path.write_text("this is not a video\n" * 50)


def make_half(path):
    write_video(path, 12)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def make_folder(path):
    path.mkdir()


def make_sound(path):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_missing, "no such file"),
        (make_empty, "the file is empty"),
        (make_text, "no decoder can open it"),
        (make_half, "no decoder can open it"),
        (make_folder, "it has no frames"),
        (make_sound, "no decoder can open it"),
    ],
)
def test_what_is_not_a_video_is_named_with_the_reason(tmp_path, make, reason):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(VideoError, match=reason) as caught:
        read_frames(path, lambda length: np.array([0]))
    assert str(path) in str(caught.value)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("whole-header.mp4", "libx264", {"movflags": "faststart"}),
        ("fragments.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("matroska.mkv", "libx264", {}),
        ("web.webm", "libvpx-vp9", {}),
        ("riff.avi", "mpeg4", {}),
    ],
)
def test_a_video_that_is_cut_off_half_way_is_an_error_and_not_a_shorter_video(tmp_path, name, codec, form):
    path = write_noise(tmp_path / name, codec, form)
    assert len(open_video(path)) == 20
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=rf"{name}: it is cut off"):
        read_frames(path, lambda length: np.array([0]))


def test_a_video_whose_sound_is_longer_is_not_cut_off(tmp_path):
    path = write_noise(tmp_path / "sound.mkv", sound=8.0)
    assert len(open_video(path)) == 20
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"of its 8\.\d s are there"):
        open_video(path)


def test_a_network_file_that_goes_away(tmp_path, monkeypatch):
    path = write_video(tmp_path / "b.avi", 6, codec="mpeg4", bf="2")
    monkeypatch.setattr("text4vis_core.data.probe.KEPT", 0)
    reader = open_video(path)
    path.unlink()
    with pytest.raises(VideoError, match=r"b\.avi: .*No such file"):
        decode_frames(reader, path, np.array([4]))

    def stale(self, **_):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "stat", stale)
    with pytest.raises(VideoError, match=r"b\.avi: Stale file handle"):
        open_video(path)


@pytest.mark.parametrize("wanted", [[12], [-1], [0, 99]])
def test_frames_outside_the_video(video, wanted):
    with pytest.raises(VideoError, match="were asked for, it has 12"):
        read_frames(video, lambda length: np.array(wanted))


def test_error_survives_pickling():
    error = pickle.loads(pickle.dumps(VideoError("a/b.mp4", "it is broken")))
    assert (str(error), error.path, error.reason) == (
        "cannot read video a/b.mp4: it is broken",
        "a/b.mp4",
        "it is broken",
    )


def test_error_survives_a_worker_process(tmp_path):
    path = tmp_path / "broken.mp4"
    make_text(path)
    dataset = VideoDataset(VideoList(("a",), (Video(path, 0),)), num_frames=2, size=8)
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        list(DataLoader(dataset, num_workers=1, multiprocessing_context="fork"))


@pytest.mark.slow
@pytest.mark.parametrize("width", [16, 48, 96])
def test_widths_that_decord_cannot_convert_are_read_by_pyav(tmp_path, width):
    path = write_video(tmp_path / "narrow.mp4", 6, size=(32, width))
    assert frame_numbers(read_frames(path, lambda length: np.array([4, 1]))) == [4, 1]
