"""Pictures as they are shown: turned, mirrored, of any kind of pixels. A case is a line: add yours."""

from fractions import Fraction

from .case import Case, refused, seen
from .films import Film, by_ffmpeg, made
from .surgery import in_box, png_film, repacked

HEVC = {"codec": "libx265"}
TALL = (160, 120)
WIDE_PIXELS = Fraction(16, 11)
MATRIX = bytes.fromhex(
    "00000000 00010000 00000000 ffff0000 00000000"
)  # of a display turned by 90 degrees, its beginning
ODD = (121, 161)

CASES: dict[str, list[Case]] = {
    "Display rotation and mirrors": [
        seen("turned 90.mp4", Film(turn=(90, False, False)), size=TALL, turn="270"),
        seen("turned 180.mp4", Film(turn=(180, False, False), b=2), turn="180"),
        seen("turned 270.MOV", Film(turn=(270, False, False), muxer="mov"), size=TALL, turn="90"),
        seen("mirrored.mp4", Film(turn=(0, True, False)), turn="mirrored"),
        seen("mirrored, turned 90.mov", Film(turn=(90, True, False)), size=TALL, turn="mirrored 90"),
        seen("flipped.mp4", Film(turn=(0, False, True)), turn="mirrored 180"),
        seen("mirrored, turned 270.mp4", Film(turn=(270, True, False)), size=TALL, turn="mirrored 270"),
        seen("HEVC turned 90.mov", Film(turn=(90, False, False), **HEVC), size=TALL, turn="270"),
        seen("HEVC turned 180.mp4", Film(turn=(180, False, False), b=2, **HEVC), turn="180"),
        seen("HEVC mirrored.mp4", Film(turn=(0, True, False), **HEVC), turn="mirrored"),
        seen("turned 90.mkv", Film(turn=(90, False, False)), size=TALL, turn="270"),
        seen("turned 270.webm", Film(turn=(270, False, False), codec="libvpx-vp9"), size=TALL, turn="90"),
        seen("MPEG-4 turned 90.3gp", Film(turn=(90, False, False), codec="mpeg4"), size=TALL, turn="270"),
        seen("tkhd alone.mp4", made(Film(), in_box(b"tkhd", 40, MATRIX)), size=TALL, turn="90"),
        seen("turned, wide pixels.mp4", Film(turn=(90, False, False), aspect=WIDE_PIXELS), size=TALL, turn="270"),
        seen("by ffmpeg.mp4", by_ffmpeg(Film(), "-c", "copy", "-metadata:s:v", "rotate=90"), size=TALL, turn="270"),
    ],
    "Pixels": [
        seen("wide pixels.mp4", Film(aspect=WIDE_PIXELS)),
        seen("wide pixels.mkv", Film(aspect=WIDE_PIXELS)),
        seen("wide pixels.mpg", Film(codec="mpeg2video", aspect=Fraction(4, 3))),
        seen("interlaced.ts", Film(options={"x264-params": "interlaced=1"}, interlaced=True)),
        seen("interlaced.mpg", Film(codec="mpeg2video", interlaced=True, b=2)),
        seen("interlaced.mp4", Film(options={"x264-params": "tff=1"}, interlaced=True, b=2)),
        seen("10 bit.mp4", Film(pixels="yuv420p10le")),
        seen("10 bit HEVC.mkv", Film(pixels="yuv420p10le", **HEVC)),
        seen("12 bit HEVC.mp4", Film(pixels="yuv420p12le", **HEVC)),
        seen("ProRes.mov", Film(codec="prores_ks", pixels="yuv422p10le")),
        seen("ProRes with alpha.mov", Film(codec="prores_ks", pixels="yuva444p10le")),
        seen("4:2:2.mp4", Film(pixels="yuv422p")),
        seen("4:4:4.mkv", Film(pixels="yuv444p")),
        seen("4:4:4 FFV1.mkv", Film(codec="ffv1", pixels="yuv444p")),
        seen("grey.mp4", Film(pixels="gray")),
        seen("grey FFV1.mkv", Film(codec="ffv1", pixels="gray")),
        seen("RGB.mp4", Film(codec="libx264rgb", pixels="rgb24")),
        seen("RGB FFV1.avi", Film(codec="ffv1", pixels="bgr0")),
        seen("Huffyuv.avi", Film(24, codec="huffyuv", pixels="rgb24")),
        seen("raw.avi", Film(24, codec="rawvideo", pixels="bgr24")),
        seen("MJPEG.avi", Film(codec="mjpeg", pixels="yuvj420p")),
        seen("MJPEG 4:2:2.mov", Film(codec="mjpeg", pixels="yuvj422p")),
        seen("PNG.mov", Film(24, codec="png", pixels="rgb24")),
        seen("JPEG 2000.mov", Film(12, codec="jpeg2000")),
        seen("alpha VP9.webm", Film(codec="libvpx-vp9", pixels="yuva420p")),
        seen("alpha QuickTime animation.mov", Film(codec="qtrle", pixels="argb")),
        seen("AV1.mp4", Film(codec="libsvtav1")),
        seen("odd VP9.webm", Film(size=ODD, codec="libvpx-vp9")),
        seen("odd VP8.webm", Film(size=ODD, codec="libvpx")),
        seen("odd 4:4:4.mp4", Film(size=ODD, pixels="yuv444p")),
        seen("odd FFV1.mkv", Film(size=ODD, codec="ffv1")),
        seen("tiny.mp4", Film(size=(16, 16))),
    ],
    "A size that changes": [
        seen("VP8 turns.webm", repacked(Film(24, codec="libvpx"), Film(range(24, 48), TALL, "libvpx"), suffix=".webm")),
        seen(
            "VP9 grows.webm",
            repacked(Film(24, codec="libvpx-vp9"), Film(range(24, 48), (240, 320), "libvpx-vp9"), suffix=".webm"),
        ),
        seen("VP8 shrinks.mkv", repacked(Film(24, codec="libvpx"), Film(range(24, 48), (60, 80), "libvpx"))),
        seen("H.264 shrinks.ts", repacked(Film(24), Film(range(24, 48), (60, 80)), suffix=".ts")),
        seen("H.264 grows.ts", repacked(Film(24, b=2), Film(range(24, 48), (240, 320), b=2), suffix=".ts")),
        seen(
            "MPEG-2 grows.ts",
            repacked(Film(24, codec="mpeg2video"), Film(range(24, 48), (240, 320), "mpeg2video"), suffix=".ts"),
        ),
    ],
    "Large pictures": [
        refused("16,000 pixels a side.mov", png_film((16000, 16000)), "pixels", slow=True),
        refused("becomes 16,000 a side.mov", png_film((120, 160), (16000, 16000)), "pixels|damaged", slow=True),
        refused("8 million pixels, few allowed.mov", png_film((2000, 4000)), "pixels", reading={"max_pixels": 10**6}),
    ],
}
