"""Files as they were stored: by old cameras, by cutting without decoding, with any metadata and suffix."""

import struct

from .case import Case, seen, spoiled
from .films import Film, by_ffmpeg, made
from .surgery import cut_before, from_key, hidden, in_box, joined, repacked, replaced

TITLE, LATIN = b"Caf_ M_ller", "Café Müller".encode("latin-1")
latin = replaced(TITLE, LATIN)
OPEN = {"x264-params": "open-gop=1"}
OPEN_HEVC = {"x265-params": "log-level=none:pools=none:frame-threads=1:open-gop=1:keyint=12:min-keyint=12:bframes=2"}
H264, HEVC = Film(b=2, options=OPEN), Film(codec="libx265", b=2, options=OPEN_HEVC)
MPEG2, MPEG4 = Film(codec="mpeg2video", b=2), Film(codec="mpeg4", b=2)
XVID = by_ffmpeg(Film(), "-c:v", "libxvid", "-bf", "2", "-q:v", "2", "-g", "12")
XVID_SHOWS = [*range(45), 47]  # its encoder keeps the last two B-frames to itself
UNPACKED = by_ffmpeg(XVID, "-c", "copy", "-bsf:v", "mpeg4_unpack_bframes", suffix=".avi")
# Each has the pictures 0 to 15, and between them two that are only referred to.
ALT = Film(
    [0, 1, 2, 3, 9, 4, 5, 6, 7, 8, 9, 14, 10, 11, 12, 13, 14, 15],
    codec="libvpx",
    gop=48,
    times=[n / 24 for n in (0, 1, 2, 3, 3.9, 4, 5, 6, 7, 8, 9, 9.9, 10, 11, 12, 13, 14, 15)],
)
ALT_VP9 = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "2"}
SPLIT_VP9 = by_ffmpeg(
    Film(codec="libvpx-vp9", options=ALT_VP9, gop=48), "-c", "copy", "-bsf:v", "vp9_superframe_split", suffix=".webm"
)
TITLED = {"title": TITLE.decode()}


def edited(first: int, milliseconds: int):
    """The edit list of an mp4 file of 24 frames a second shows it from a frame on (a B-frame's delay counts as one)."""
    return in_box(b"elst", 8, struct.pack(">ii", milliseconds, 512 * first))


SINE = ("-f", "lavfi", "-i", "sine=d=4")
DENSE = (
    "-vsync",
    "passthrough",
    "-b:v",
    "150k",
    "-bf",
    "2",
    "-g",
    "12",
)  # several pictures in a packet of a program stream

CASES: dict[str, list[Case]] = {
    "Metadata that are not UTF-8": [
        seen("latin-1.avi", made(Film(codec="mpeg4", about=TITLED), latin)),
        seen("latin-1, B-frames.avi", made(Film(codec="mpeg4", b=2, about=TITLED), latin)),
        seen("latin-1.mp4", made(Film(about=TITLED), latin)),
        seen("latin-1, cut.mp4", made(Film(gop=48, about=TITLED), edited(24, 1000), latin), range(24, 48)),
        seen("latin-1.mkv", made(Film(about=TITLED), latin)),
        seen("latin-1.webm", made(Film(codec="libvpx", about=TITLED), latin)),
        seen("latin-1.flv", made(Film(codec="flv", about=TITLED), latin)),
        seen("latin-1.ts", made(Film(about={"service_name": TITLE.decode()}), latin)),
        seen(
            "latin-1 Xvid.avi",
            made(by_ffmpeg(Film(), "-c:v", "libxvid", "-bf", "2", "-metadata", "title=Caf_ M_ller"), latin),
            XVID_SHOWS,
        ),
    ],
    "Open groups of pictures, cut": [
        seen("H.264.mkv", repacked(H264, keep=from_key(1)), range(12, 48)),
        seen("H.264.mp4", repacked(H264, suffix=".mp4", keep=from_key(2)), range(24, 48)),
        seen("H.264, cut.ts", repacked(H264, suffix=".ts", keep=from_key(1)), range(12, 48)),
        seen("HEVC.mkv", repacked(HEVC, keep=from_key(1)), range(12, 48)),
        seen("HEVC.mp4", repacked(HEVC, suffix=".mp4", keep=from_key(2)), range(24, 48)),
        seen("HEVC, cut.ts", repacked(HEVC, suffix=".ts", keep=from_key(1)), range(12, 48)),
        seen("MPEG-2, cut.mpg", repacked(MPEG2, suffix=".ts", keep=from_key(1)), range(12, 48)),
        seen("MPEG-2, cut.ts", repacked(MPEG2, suffix=".ts", keep=from_key(2)), range(24, 48)),
        seen("MPEG-2, cut.vob", repacked(MPEG2, suffix=".ts", keep=from_key(3)), range(36, 48)),
        seen("MPEG-4, cut.avi", repacked(MPEG4, suffix=".avi", keep=from_key(1)), range(12, 48)),
        seen("MPEG-4, cut.mkv", repacked(MPEG4, suffix=".avi", keep=from_key(2), muxer="matroska"), range(24, 48)),
    ],
    "Packets before any key frame": [
        seen("H.264 begins late.ts", made(Film(b=2), cut_before(5)), range(12, 48)),
        seen("H.264 begins late.mts", made(Film(muxer="mpegts"), cut_before(14)), range(24, 48)),
        seen("H.264 begins late.mkv", repacked(H264, keep=from_key(0, 14)), range(24, 48)),
        seen("MPEG-2 begins late.ts", made(MPEG2, cut_before(14)), range(24, 48)),
        seen("MPEG-2 begins late.mpg", repacked(MPEG2, suffix=".ts", keep=from_key(1, 2)), range(24, 48)),
        spoiled("MPEG-4 begins late.avi", repacked(MPEG4, suffix=".avi", keep=from_key(1, 3)), range(24, 48)),
        spoiled("HEVC begins late.ts", made(HEVC, cut_before(14)), range(24, 48)),
        spoiled(
            "VP8 begins late.webm", repacked(Film(codec="libvpx"), suffix=".webm", keep=from_key(0, 5)), range(12, 48)
        ),
    ],
    "Packets that are no frames": [
        seen("VP8 alternative references.webm", repacked(ALT, suffix=".webm", keep=hidden(4, 11)), 16),
        seen("VP8 alternative references.mkv", repacked(ALT, suffix=".webm", keep=hidden(4, 11)), 16),
        seen("VP8 alternative references.ivf", repacked(ALT, suffix=".webm", keep=hidden(4, 11)), 16),
        seen("VP9 superframes.webm", Film(codec="libvpx-vp9", options=ALT_VP9, gop=48)),
        seen("VP9 superframes, split.webm", SPLIT_VP9),
        seen("Xvid, packed B-frames.avi", XVID, XVID_SHOWS),
        seen("Xvid, packed B-frames.divx", by_ffmpeg(XVID, "-c", "copy", "-f", "avi", suffix=".avi"), XVID_SHOWS),
        seen("Xvid, unpacked.avi", UNPACKED, XVID_SHOWS),
        seen("cut by its edit list.mp4", made(Film(gop=48), edited(24, 1000)), range(24, 48)),
        seen("cut by its edit list, B-frames.mp4", made(Film(gop=48, b=2), edited(13, 1000)), range(11, 35)),
        seen("cut by its edit list.mov", made(Film(gop=48), edited(6, 500)), range(6, 18)),
        seen(
            "cut by ffmpeg.mp4",
            by_ffmpeg(Film(gop=48), "-c", "copy", suffix=".mp4", before=("-ss", "1")),
            range(24, 48),
        ),
        seen(
            "dropped frames.avi", Film(codec="mpeg4", times=[n / 24 for n in range(48) if n % 16], numbers=45, rate=24)
        ),
    ],
    "Pictures across packets": [
        seen("sound beside.mpg", by_ffmpeg(Film(96), *DENSE, "-c:v", "mpeg2video", "-c:a", "mp2", before=SINE), 96),
        seen("sound beside.vob", by_ffmpeg(Film(96), *DENSE, "-c:v", "mpeg1video", "-c:a", "mp2", before=SINE), 96),
        seen("without sound.mpg", by_ffmpeg(Film(96), *DENSE, "-c:v", "mpeg1video"), 96),
        seen("raw.m1v", by_ffmpeg(Film(), "-c:v", "mpeg1video", "-q:v", "2")),
        seen("raw.m2v", by_ffmpeg(Film(), "-c:v", "mpeg2video", "-q:v", "2", "-bf", "2")),
    ],
    "Formats and suffixes": [
        seen("camera.wmv", Film(codec="wmv2")),
        seen("camera.asf", Film(codec="msmpeg4")),
        seen("camera.MTS", Film(muxer="mpegts", b=2, sound=2)),
        seen("camera.m2ts", Film(muxer="mpegts", mux={"mpegts_m2ts_mode": "1"})),
        seen("camera.ts", Film(b=2)),
        seen("camera.3gp", Film(codec="h263", size=(144, 176))),
        seen("camera.flv", Film(codec="flv")),
        seen("camera.ogv", by_ffmpeg(Film(), "-c:v", "libtheora", "-q:v", "8")),
        seen("camera.gif", Film(24, codec="gif", pixels="rgb8", rate=10)),
        seen("camera.dv", Film(12, (576, 720), "dvvideo", rate=25)),
        seen("camera.divx", Film(codec="mpeg4", muxer="avi", b=2)),
        seen("camera.mpg", MPEG2),
        seen("camera.vob", MPEG2),
        seen("camera.mpeg", Film(codec="mpeg1video", rate=25, muxer="mpeg")),
        seen("camera.m4v", Film(codec="mpeg4")),
        seen("camera.MP4", Film(muxer="mp4", sound=2)),
        seen("camera.f4v", Film()),
        seen("camera.mxf", Film(codec="mpeg2video", rate=25)),
        seen("camera.rm", Film(codec="rv20", size=(144, 176))),
        seen("camera.wtv", Film(codec="mpeg2video")),
        seen("camera.mkv", Film(b=2, sound=2)),
        seen("camera.webm", Film(codec="libvpx", sound=2)),
        seen("camera without suffix", Film(muxer="mp4")),
        seen("4711", Film(codec="mpeg4", muxer="avi")),
        seen("camera.mp4.part", Film(muxer="matroska", b=2)),
        seen("called mp4, but Matroska.mp4", Film(muxer="matroska", b=2)),
        seen("called avi, but MP4.avi", Film(muxer="mp4")),
        seen("in fragments.mp4", Film(mux={"movflags": "frag_keyframe+empty_moov"}, b=2)),
        seen("two joined.ts", joined(Film(24), Film(range(24, 48)), suffix=".ts")),
        seen("one frame.mp4", Film(1)),
        seen("one frame.avi", Film(1, codec="mpeg4")),
        seen("one frame.webm", Film(1, codec="libvpx")),
    ],
}
