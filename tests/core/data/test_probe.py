"""What a file is: its frames and their seconds, however large it is; its limits; and what is refused by name."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import frame_numbers, write_video
from test_video import FORMATS, size_of, write_noise

from text4vis_core.data import _packets
from text4vis_core.data.decoders import AvReader, DecordReader
from text4vis_core.data.probe import Probe
from text4vis_core.data.reading import PICTURE_SUFFIXES, VIDEO_SUFFIXES, Reading, VideoError, is_video
from text4vis_core.data.video import open_video, read_frames


def all_of(path, reading=None):
    return read_frames(path, np.arange, reading=reading or Reading())


def write_timed(path: Path, times, codec="libx264", sound_from: float | None = None, **options) -> Path:
    """Frames that say their numbers, shown at these seconds, and silence from a second on, if asked for."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"crf": "12", "g": "20", **options})
        stream.width, stream.height, stream.pix_fmt = 40, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=16000) if sound_from is not None else None
        for number, second in enumerate(times):
            picture = np.empty((32, 40, 3), np.uint8)
            picture[:] = (20 + 10 * (number % 20), 110, 200)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(1000 * second), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound:
            for place in range(0, int(16000 * (times[-1] - sound_from)), 1024):
                heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                heard.sample_rate, heard.pts = 16000, place + int(16000 * sound_from)
                heard.time_base = Fraction(1, 16000)
                container.mux(sound.encode(heard))
            container.mux(sound.encode())
    return path


@pytest.fixture
def large(monkeypatch):
    """Every file is a large one."""
    monkeypatch.setattr("text4vis_core.data.probe.SCANNED", 0)


@pytest.mark.parametrize("name", FORMATS)
def test_a_large_file_gives_the_same_frames(tmp_path, large, name):
    codec, options = FORMATS[name]
    path = write_video(tmp_path / name, 20, size_of(name), codec, **{"g": "6", **options})
    reader = open_video(path)
    assert len(reader) == 20
    assert frame_numbers(reader.decode(np.arange(20))) == list(range(20))
    assert frame_numbers(open_video(path).decode(np.array([17, 3, 3, 9]))) == [17, 3, 3, 9]


@pytest.mark.parametrize(
    ("name", "bf"), [("a.mp4", "0"), ("b.mp4", "2"), ("c.mkv", "2"), ("d.ts", "2"), ("e.mov", "0"), ("f.webm", None)]
)
@pytest.mark.parametrize("size", ["small", "large"])
def test_seconds_are_those_of_the_time_stamps(tmp_path, monkeypatch, name, bf, size):
    if size == "large":
        monkeypatch.setattr("text4vis_core.data.probe.SCANNED", 0)
    times = [i / 20 for i in range(40)] + [2 + i / 5 for i in range(40)]
    codec = "libvpx-vp9" if bf is None else "libx264"
    path = write_timed(tmp_path / name, times, codec, **({"bf": bf} if bf else {}))
    video = open_video(path)
    assert len(video) == 80
    np.testing.assert_allclose(video.seconds, times, atol=0.002)
    assert video.part(6, 8) == (60, 70)
    assert video.part(3, 4) == (45, 50)
    assert video.part(3.1, 3.15) == (45, 46)
    assert video.fps == pytest.approx(79 / times[-1], rel=0.01)
    shown = [number % 20 for number in range(60, 70)]
    assert frame_numbers(read_frames(path, np.arange, 6, 8)) == shown


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts"])
def test_pictures_that_begin_after_the_sound(tmp_path, name):
    path = write_timed(tmp_path / name, [2 + i / 20 for i in range(40)], sound_from=0.0)
    video = open_video(path)
    assert video.seconds[0] == pytest.approx(2, abs=0.1)  # the sound's own delay is a part of it
    first, stop = video.part(3 + video.seconds[0] - 2, 3.5 + video.seconds[0] - 2)
    assert (first, stop) == (20, 30)
    with pytest.raises(VideoError, match=r"until 1 s is asked for, its pictures begin at 2\.\d s"):
        read_frames(path, np.arange, 0, 1)
    with pytest.raises(VideoError, match=r"a part from 9 s is asked for, it lasts 4\.\d s"):
        read_frames(path, np.arange, 9)


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "ts"])
def test_opening_an_hour_reads_little_and_keeps_little(tmp_path, monkeypatch, suffix):
    """In the small: a file of 8,000 frames, of which no more is read than parts of its beginning, end and middle."""
    monkeypatch.setattr("text4vis_core.data.probe.SCANNED", 1 << 20)
    clip = write_noise(tmp_path / f"clip.{suffix}", "mpeg4" if suffix == "avi" else "libx264", bf="0", g="10")
    path = tmp_path / f"long.{suffix}"
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [(bytes(p), p.is_keyframe) for p in source.demux(stream) if p.size]
        for number in range(8000):
            packet = av.Packet(packets[number % 20][0])
            packet.pts = packet.dts = round(number / stream.average_rate / stream.time_base)
            packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, copy, packets[number % 20][1]
            target.mux(packet)

    def system(file: str, name: str) -> int:
        lines = Path(f"/proc/self/{file}").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])

    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory is from now on
    before, peak = system("io", "rchar"), system("status", "VmHWM")
    video = open_video(path)
    assert system("io", "rchar") - before < 4 << 20 < path.stat().st_size / 3
    assert system("status", "VmHWM") - peak < 50 << 10
    assert (len(video), video.fps) == (8000, 10.0)
    wanted = np.linspace(0, 7999, 8).astype(int)
    np.testing.assert_array_equal(video.decode(wanted), all_of(clip)[wanted % 20])


@pytest.mark.parametrize(
    "what", ["ffconcat version 1.0\nfile video.mp4\n", "#EXTM3U\n#EXTINF:1,\nvideo.ts\n", "v=0\n" * 9]
)
def test_content_does_not_choose_to_open_other_files(tmp_path, video, what):
    os.link(video, tmp_path / "video.mp4")
    (tmp_path / "x.mp4").write_text(what)
    assert not is_video(tmp_path / "x.mp4")
    for decoder in ("pyav", "decord"):
        with pytest.raises(VideoError, match=r"x\.mp4: no decoder can open it \(its content is"):
            open_video(tmp_path / "x.mp4", Reading(decoder=decoder))


@pytest.mark.parametrize(
    "name", ["12:30 cage.mp4", "file:a.mp4", "http:/127.0.0.1:9/x.mp4", "pipe:0", "a%d#?.mp4", "concat:b|c"]
)
def test_a_relative_name_is_a_name(tmp_path, video, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    os.link(video, name)
    assert frame_numbers(all_of(name)) == list(range(12))
    Path(name).unlink()
    with pytest.raises(VideoError, match="no such file"):
        open_video(name)


def test_limits_have_a_setting(tmp_path, video):
    with pytest.raises(VideoError, match="its frames have 40 x 32, the limit is 1,000 pixels; raise max_pixels"):
        open_video(video, Reading(max_pixels=1000))
    with pytest.raises(VideoError, match=r"took longer than .*max_seconds"):
        open_video(video, Reading(max_seconds=1e-9))
    for wrong in ({"max_pixels": 0}, {"max_seconds": -1}, {"decoder": "opencv"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Reading(**wrong)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: os.symlink(path, path), lambda path: os.symlink("gone", path)]
)
def test_what_is_no_file_is_named_at_once(tmp_path, make):
    make(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"a\.mp4: (it is neither a file nor a folder|no such file|Too many levels)"):
        open_video(tmp_path / "a.mp4")
    folder = tmp_path / "frames"
    folder.mkdir()
    make(folder / "img_00001.jpg")
    with pytest.raises(VideoError, match=r"frames: its picture img_00001\.jpg cannot be read"):
        all_of(folder)


@pytest.mark.parametrize("name", ["h264.mp4", "transport.ts", "h264.mkv", "xvid-b-frames.avi"])
@pytest.mark.parametrize("strict", [False, True])
def test_damage_in_the_middle_names_the_frame(tmp_path, name, strict):
    path = write_noise(tmp_path / name, FORMATS[name][0], **{**FORMATS[name][1], "g": "60"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 8] = bytes(len(data) // 8)
    path.write_bytes(data)
    with pytest.raises(VideoError, match=rf"{name}: (frame \d+, at \d+\.\d s, is damaged|it has holes|it is cut off)"):
        all_of(path, Reading(strict=strict))


def test_decord_is_given_nothing_that_pyav_refused_and_nothing_that_it_confuses(tmp_path, video):
    asked = Reading(decoder="decord")
    assert isinstance(open_video(video, asked), DecordReader)
    assert open_video(video, asked).decoder.startswith("decord ")
    assert open_video(video).decoder == f"PyAV {av.__version__}"
    for name in ("xvid-b-frames.avi", "h264-b-frames.avi", "mpeg2.mpg", "transport.ts", "intra-refresh.mp4"):
        codec, options = FORMATS[name]
        path = write_video(
            tmp_path / name, 20, codec=codec, **{**options, **({"bf": "2"} if "mpg" in name else {}), "g": "7"}
        )
        with pytest.raises(VideoError, match="decord"):
            read_frames(path, lambda _: np.array([0, 9, 13, 19]), reading=asked)
        assert len(open_video(path)) == 20


def test_a_failure_of_pyav_is_not_answered_by_decord(tmp_path, video, monkeypatch):
    def broken(self, *_):
        raise OSError("something else")

    monkeypatch.setattr(AvReader, "__init__", broken)
    with pytest.raises(VideoError, match=r"no decoder can open it \(something else\)"):
        open_video(video)


def test_asking_the_decoder_and_not_the_name(tmp_path, video):
    for name in ("noname", "x.txt", "y.jpg.mp4", "z.xyz"):
        os.link(video, tmp_path / name)
        assert is_video(tmp_path / name)
    for name in ("a.mp4", "notes.mov"):
        (tmp_path / name).write_text("no video")
        assert not is_video(tmp_path / name)
    assert not is_video(tmp_path / "not there.mp4")
    assert not is_video(tmp_path / "noname" / "below a file")
    assert not set(VIDEO_SUFFIXES) & set(PICTURE_SUFFIXES)


def test_sound_that_is_longer_is_looked_at_within_the_limits_that_are_given(tmp_path):
    path = write_noise(tmp_path / "sound.mkv", sound=8.0)
    limits: list[int] = []
    real = _packets.open_container

    def noted(path, reading):
        limits.append(reading.max_pixels)
        return real(path, reading)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_packets, "open_container", noted)
        assert len(open_video(path, Reading(max_pixels=10_000))) == 20
    assert limits == [10_000]


def test_a_name_with_a_zero_byte_is_no_files():
    with pytest.raises(VideoError, match="no file can have this name"):
        open_video("a\0b.mp4")
    assert not is_video("a\0b.mp4")


def test_counted_frames_that_are_read_in_chunks_are_decoded_once(tmp_path, monkeypatch):
    codec, options = FORMATS["xvid-b-frames.avi"]
    path = write_video(tmp_path / "a.avi", 20, codec=codec, **options)
    monkeypatch.setattr("text4vis_core.data.probe.KEPT", 0)
    video, real, begun = open_video(path), Probe.decoded, []
    monkeypatch.setattr(Probe, "decoded", lambda probe: begun.append(probe) or real(probe))
    chunks = [video.decode(np.arange(start, start + 5)) for start in range(0, 20, 5)]
    assert frame_numbers(np.concatenate(chunks)) == list(range(20))
    assert len(begun) == 1
    assert frame_numbers(video.decode(np.array([3, 1]))) == [3, 1]
    assert len(begun) == 2


def test_damage_late_in_a_large_file_is_not_looked_for_from_its_beginning(tmp_path, large, monkeypatch):
    path = write_noise(tmp_path / "a.mp4", g="2")
    data = bytearray(path.read_bytes())
    damaged = len(data) * 3 // 4
    data[damaged : damaged + 2000] = bytes(2000)
    path.write_bytes(data)
    starts, real = [], AvReader._decode_from

    def noted(self, start, *more):
        starts.append(start)
        return real(self, start, *more)

    monkeypatch.setattr(AvReader, "_decode_from", noted)
    monkeypatch.setattr("text4vis_core.data.decoders.EARLIER", (0, 0.3, 1e9))
    video = open_video(path)
    with pytest.raises(VideoError, match="is damaged"):
        video.decode(np.arange(12, 20))
    assert starts and None not in starts
