"""Times: frames that are not evenly spaced, that begin late, that are few or many a second."""

from fractions import Fraction

from .case import Case, refused, seen
from .films import Film, by_ffmpeg
from .surgery import pictures

# Half a second at 50 frames a second, and from 1 s on five a second: the mean rate is no frame's rate.
UNEVEN = [0.02 * n for n in range(24)] + [1 + 0.2 * n for n in range(24)]
PARTS = {(0.1, 0.2): range(5, 10), (2.0, 3.0): range(29, 34), (3.0, None): range(34, 48), (None, 1.0): range(24)}
# Pauses of a camera that saves power: 24 a second, and nothing from 1 to 3 s.
PAUSED = [n / 24 for n in range(24)] + [3 + n / 24 for n in range(24)]
PAUSED_PARTS = {(0.5, 1.0): range(12, 24), (3.0, 3.5): range(24, 36)}
MEAN = Fraction(8)
# What ffmpeg keeps where it drops repeats: the header still says 24 frames a second.
LATE = [2 + n / 24 for n in range(48)]
LATE_PARTS = {(2.0, 3.0): range(24), (3.0, 4.0): range(24, 48), (2.5, None): range(12, 48)}
SINE = ("-f", "lavfi", "-i", "sine=d=6")
VERY_LATE = [12 + n / 24 for n in range(48)]
VERY_LATE_PARTS = {(12.0, 13.0): range(24), (13.5, None): range(36, 48)}
EVEN_PARTS = {(0.5, 1.0): range(12, 24), (1.5, None): range(36, 48), (None, 0.25): range(6)}


def uneven(**facts) -> Film:
    return Film(times=UNEVEN, rate=MEAN, **facts)


def late(**facts) -> Film:
    return Film(times=LATE, sound=4, **facts)


CASES: dict[str, list[Case]] = {
    "Seconds of an even film": [
        seen("even.mp4", Film(b=2), seconds=EVEN_PARTS),
        seen("even.avi", Film(codec="mpeg4", b=2), seconds=EVEN_PARTS),
        seen("even.mkv", Film(b=2), seconds=EVEN_PARTS),
        seen("even.ts", Film(b=2), seconds=EVEN_PARTS),
        seen("even.webm", Film(codec="libvpx-vp9"), seconds=EVEN_PARTS),
        seen("even.mpg", Film(codec="mpeg2video", b=2), seconds=EVEN_PARTS),
        seen("even.wmv", Film(codec="wmv2"), seconds=EVEN_PARTS),
        seen("even.gif", Film(24, codec="gif", pixels="rgb8", rate=10), seconds={(1.0, 2.0): range(10, 20)}),
    ],
    "Variable rate": [
        seen("variable.mp4", uneven(), seconds=PARTS),
        seen("variable, B-frames.mp4", uneven(b=2), seconds=PARTS),
        seen("variable.mov", uneven(b=2), seconds=PARTS),
        seen("variable, HEVC.mp4", uneven(codec="libx265", b=2), seconds=PARTS),
        seen("variable.mkv", uneven(), seconds=PARTS),
        seen("variable, B-frames.mkv", uneven(b=2), seconds=PARTS),
        seen("variable.webm", uneven(codec="libvpx"), seconds=PARTS),
        seen("variable VP9.webm", uneven(codec="libvpx-vp9"), seconds=PARTS),
        seen("variable.ts", uneven(), seconds=PARTS),
        seen("variable, B-frames.ts", uneven(b=2), seconds=PARTS),
        seen("variable.flv", uneven(codec="flv"), seconds=PARTS),
        seen("variable.asf", uneven(codec="msmpeg4"), seconds=PARTS),
        seen("paused.mp4", Film(times=PAUSED, rate=12), seconds=PAUSED_PARTS),
        seen("paused, B-frames.mp4", Film(times=PAUSED, rate=12, b=2), seconds=PAUSED_PARTS),
        seen("paused.webm", Film(times=PAUSED, rate=12, codec="libvpx"), seconds=PAUSED_PARTS),
    ],
    "A beginning that is not 0": [
        seen("pictures from 2 s of sound.mp4", late(), seconds=LATE_PARTS),
        seen("pictures from 2 s of sound, B-frames.mp4", late(b=2), seconds=LATE_PARTS),
        seen("pictures from 2 s of sound.mkv", late(), seconds=LATE_PARTS),
        seen("pictures from 2 s of sound.webm", late(codec="libvpx"), seconds=LATE_PARTS),
        seen("from 10 s on.ts", Film(mux={"output_ts_offset": "10"}), seconds=EVEN_PARTS),
        seen("from 10 s on, B-frames.ts", Film(mux={"output_ts_offset": "10"}, b=2), seconds=EVEN_PARTS),
        seen("from 10 s on.mkv", Film(mux={"output_ts_offset": "10"}), seconds=EVEN_PARTS),
        seen("from 10 s on.mpg", by_ffmpeg(Film(), "-c:v", "mpeg2video", "-muxpreload", "10"), seconds=EVEN_PARTS),
        seen("sound is longer.mp4", Film(sound=6), seconds=EVEN_PARTS),
        seen("sound is longer.mkv", Film(sound=6), seconds=EVEN_PARTS),
        seen("sound is longer.ts", Film(sound=6, b=2)),
        seen("sound is longer.flv", by_ffmpeg(Film(), "-c:v", "flv", "-q:v", "2", "-ar", "44100", before=SINE)),
        seen("sound is longer.wmv", by_ffmpeg(Film(), "-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2", before=SINE)),
        seen("pictures from 12 s of sound.mkv", Film(times=VERY_LATE, sound=15), seconds=VERY_LATE_PARTS),
        seen("pictures from 12 s of sound.mp4", Film(times=VERY_LATE, sound=15), seconds=VERY_LATE_PARTS),
        seen("pictures from 12 s of sound.ts", Film(times=VERY_LATE, sound=15)),
    ],
    "Rates": [
        seen("1 a second.mp4", Film(12, rate=1), seconds={(3.0, 6.0): range(3, 6)}),
        seen("1 a second.mkv", Film(12, rate=1), seconds={(3.0, 6.0): range(3, 6)}),
        seen("1 a second.avi", Film(12, rate=1, codec="mpeg4"), seconds={(3.0, 6.0): range(3, 6)}),
        seen("1,000 a second.mp4", Film(rate=1000), seconds={(0.01, 0.02): range(10, 20)}),
        seen("1,000 a second.mkv", Film(rate=1000), seconds={(0.01, 0.02): range(10, 20)}),
        seen("1,000 a second.avi", Film(rate=1000, codec="mpeg4"), seconds={(0.01, 0.02): range(10, 20)}),
        seen("29.97 a second.mp4", Film(rate=Fraction(30000, 1001))),
        seen("one key frame.mkv", Film(gop=1000, b=2)),
        seen("key frames alone.mp4", Film(gop=1)),
    ],
    "Folders of pictures": [
        seen("frames", pictures(), 12),
        seen("frames of x.mp4", pictures(name="image_{}.png"), 12),
        refused("no frames", pictures(numbers=0), "no frames"),
    ],
}
