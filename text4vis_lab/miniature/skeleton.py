"""The puppet: its build and colours, and the shapes of its body in a pose.

Points of the world are complex numbers. The person stands at 0, x (real) runs to the right, y (imaginary) upwards,
and 1 is the person's height. A limb is given by where its hand or foot is; the joint between follows from two-bone
inverse kinematics. Limb 0 is the left one in the picture when the puppet faces us and the far one when it is seen
from the side, limb 1 the right or near one.
"""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .drawing import RGB, Disc, Patch, Shape, Stroke, arc, mix, vary

ANKLE = 0.035j  # a foot at z has its ankle at z + ANKLE
INK = (38, 34, 44)
Pair = Sequence[complex]  # points of limbs 0 and 1
COLOURS: dict[str, RGB] = {
    "red": (205, 50, 50),
    "blue": (50, 95, 200),
    "green": (55, 145, 70),
    "yellow": (235, 200, 60),
    "orange": (235, 130, 40),
    "purple": (125, 70, 165),
    "pink": (235, 130, 170),
    "white": (238, 236, 230),
    "black": (48, 48, 56),
}
SKINS: tuple[RGB, ...] = (
    (250, 218, 190),
    (238, 195, 160),
    (217, 165, 122),
    (180, 125, 85),
    (140, 92, 62),
    (100, 64, 46),
)
HAIRS: tuple[RGB, ...] = ((34, 26, 24), (78, 50, 32), (128, 82, 44), (206, 164, 90), (160, 70, 40), (150, 148, 146))
TROUSERS: tuple[RGB, ...] = (
    (50, 62, 96),
    (66, 66, 74),
    (120, 98, 72),
    (88, 110, 86),
    (92, 60, 84),
    (150, 160, 176),
    (136, 52, 52),
)
HAIR_STYLES = ("short", "long", "bun", "cap", "bald")


@dataclass(frozen=True)
class Actor:
    """A person: lengths in units of body height, colours as RGB in 0..255.

    `accent` and `second` colour the props; `vigour`, around 1, scales how far the person moves.
    """

    torso: float
    arm: float  # upper arm, and forearm alike
    leg: float  # thigh, and shin alike
    shoulders: float  # half their width, seen from the front
    girth: float  # thickness of limbs relative to the usual
    head: float
    skin: RGB
    hair: RGB
    hair_style: str
    shirt: RGB
    shirt_name: str
    trousers: RGB
    shoes: RGB
    accent: RGB
    accent_name: str
    second: RGB
    long_sleeves: bool
    shorts: bool
    vigour: float = 1.0

    @property
    def stand(self) -> float:
        """Height of the hip above the ground when the legs are nearly straight."""
        return 2 * self.leg * 0.985 + ANKLE.imag


def random_actor(rng: np.random.Generator) -> Actor:
    """A person drawn at random; the shirt and the two prop colours differ from each other."""
    names = rng.permutation(list(COLOURS))
    legs = rng.uniform(0.94, 1.06)

    def dye(colour: RGB) -> RGB:
        return vary(rng, colour, 14)

    return Actor(
        torso=0.29 * (2 - legs),
        arm=rng.uniform(0.152, 0.166),
        leg=0.226 * legs,
        shoulders=rng.uniform(0.088, 0.112),
        girth=rng.uniform(0.85, 1.2),
        head=rng.uniform(0.08, 0.095),
        skin=dye(SKINS[rng.integers(len(SKINS))]),
        hair=dye(HAIRS[rng.integers(len(HAIRS))]),
        hair_style=HAIR_STYLES[rng.choice(len(HAIR_STYLES), p=(0.36, 0.26, 0.14, 0.14, 0.1))],
        shirt=dye(COLOURS[names[0]]),
        shirt_name=str(names[0]),
        trousers=dye(TROUSERS[rng.integers(len(TROUSERS))]),
        shoes=dye(COLOURS[names[3]]),
        accent=dye(COLOURS[names[1]]),
        accent_name=str(names[1]),
        second=dye(COLOURS[names[2]]),
        long_sleeves=bool(rng.random() < 0.4),
        shorts=bool(rng.random() < 0.35),
    )


def with_vigour(actor: Actor, vigour: float) -> Actor:
    """The same person, moving `vigour` times as far."""
    return replace(actor, vigour=vigour)


def between(a: complex, b: complex, share: float) -> complex:
    """The point `share` of the way from `a` to `b`."""
    return a + (b - a) * share


def wave(t: float) -> float:
    """A sine, -1..1, of one cycle for every unit of time."""
    return math.sin(2 * math.pi * t)


def pulse(t: float) -> float:
    """0 at the beginning of every unit of time, 1 in its middle."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * t)


def gait(t: float, hip: float, step: float, lift: float) -> Pair:
    """Soles of one who walks to the right, in place below x = `hip`, one double step for every unit of time."""
    angles = (2 * math.pi * t, 2 * math.pi * t + math.pi)
    return tuple(complex(hip + step * math.cos(a), lift * max(0.0, -math.sin(a))) for a in angles)


def two_bone(root: complex, target: complex, length: float, bend: float) -> tuple[complex, complex]:
    """Joint and end of a limb of two bones, each `length` long, that reaches from `root` for `target`.

    `bend` (+1 or -1) says on which side of the line from root to target the joint lies: +1 is to the right of a limb
    that hangs down. A target out of reach is approached as far as the bones allow.
    """
    reach = target - root
    distance = min(max(abs(reach), 1e-6), 2 * length * 0.999)
    direction = reach / max(abs(reach), 1e-6)
    joint = root + direction * complex(distance / 2, bend * math.sqrt(length**2 - (distance / 2) ** 2))
    return joint, root + direction * distance


@dataclass(frozen=True)
class Figure:
    """A body in a pose: its shapes in three layers, back to front, and where its hands got to."""

    far: list[Shape]  # the far arm, in a side view
    core: list[Shape]  # legs, torso and head
    near: list[Shape]  # the other arm, or both
    hands: Pair

    @property
    def shapes(self) -> list[Shape]:
        """All shapes, back to front."""
        return [*self.far, *self.core, *self.near]


@dataclass(frozen=True)
class Pose:
    """How a body is held.

    Attributes:
        hip: where it is.
        hands, feet: where they (of the feet, the soles) are asked to be; they get as near as the bones allow.
        lean: the torso's angle in radians, clockwise from upright.
        side: whether the body is seen in profile, facing right.
        gaze: turns the face, -1..1; None to look ahead.
        nod: tilts the head, in radians, clockwise.
        elbows, knees: on which side each bends, see `two_bone`; None for the usual.
    """

    hip: complex
    hands: Pair
    feet: Pair
    lean: float = 0.0
    side: bool = False
    gaze: float | None = None
    nod: float = 0.0
    elbows: tuple[float, float] | None = None
    knees: tuple[float, float] | None = None


def figure(actor: Actor, pose: Pose) -> Figure:
    """The body of an actor in a pose."""
    hip, lean, side, nod = pose.hip, pose.lean, pose.side, pose.nod
    up = cmath.rect(1, math.pi / 2 - lean)
    right = -1j * up
    width = 0.3 if side else 1.0
    chest = hip + up * actor.torso
    elbows = pose.elbows or ((-1, -1) if side else (-1, 1))
    knees = pose.knees or ((1, 1) if side else (-1, 1))
    gaze = (1.0 if side else 0.0) if pose.gaze is None else pose.gaze

    arms, legs, ends = [], [], []
    for k, sign in enumerate((-1, 1)):
        shade = 0.22 if side and k == 0 else 0.0
        shoulder = chest + right * sign * actor.shoulders * width - up * 0.02
        elbow, hand = two_bone(shoulder, pose.hands[k], actor.arm, elbows[k])
        ends.append(hand)
        arms.append(_arm(actor, shoulder, elbow, hand, shade))
        joint = hip + right * sign * 0.05 * width
        knee, ankle = two_bone(joint, pose.feet[k] + ANKLE, actor.leg, knees[k])
        toe = (ankle - knee) / abs(ankle - knee) * (1j if side or k else -1j) * (0.065 if side else 0.04)
        legs.append(_leg(actor, joint, knee, ankle, toe, shade))

    half = actor.shoulders * (0.45 if side else 0.85) * right
    waist = (0.038 if side else 0.055) * right
    torso = Patch((chest - half, chest + half, hip + waist, hip - waist), actor.shirt, 0.035 * actor.girth)
    pelvis = Stroke((hip - waist * 0.9, hip + waist * 0.9), 0.095 * actor.girth, actor.trousers)
    middle = chest + up * cmath.exp(-1j * nod) * (actor.head + 0.03)
    hair, head = _head(actor, middle, cmath.exp(-1j * (lean + nod)), gaze)
    neck = Stroke((chest, middle), 0.055, mix(actor.skin, INK, 0.12))
    core = [*legs[0], *legs[1], pelvis, *hair, neck, torso, *head]
    if side:
        return Figure(arms[0], core, arms[1], ends)
    return Figure([], core, [*arms[0], *arms[1]], ends)


def _arm(actor: Actor, shoulder: complex, elbow: complex, hand: complex, shade: float) -> list[Shape]:
    skin, shirt = mix(actor.skin, INK, shade), mix(actor.shirt, INK, shade)
    width = 0.058 * actor.girth
    sleeve = (shoulder, elbow, elbow + (hand - elbow) * 0.8) if actor.long_sleeves else (shoulder, elbow)
    return [
        Stroke((shoulder, elbow, hand), width * 0.9, skin),
        Stroke(sleeve, width * 1.08, shirt),
        Disc(hand, 0.034, skin),
    ]


def _leg(actor: Actor, joint: complex, knee: complex, ankle: complex, toe: complex, shade: float) -> list[Shape]:
    skin, cloth, shoe = (mix(colour, INK, shade) for colour in (actor.skin, actor.trousers, actor.shoes))
    width = 0.078 * actor.girth
    sole = Stroke((ankle - toe * 0.25, ankle + toe), 0.055, shoe)
    if actor.shorts:
        return [Stroke((knee, ankle), width * 0.75, skin), sole, Stroke((joint, knee), width * 1.1, cloth)]
    return [Stroke((joint, knee, ankle), width, cloth), sole]


def _head(actor: Actor, middle: complex, turn: complex, gaze: float) -> tuple[list[Shape], list[Shape]]:
    """Hair that falls behind the shoulders, and the head at `middle`; the unit complex `turn` is its tilt."""
    r = actor.head

    def at(x: float, y: float) -> complex:
        return middle + turn * complex(x, y) * r

    fall: list[Shape] = []
    face: list[Shape] = []
    if actor.hair_style == "long":
        left, right = (at(-0.8 - 0.2 * gaze, 0.3), at(-0.8 - 0.4 * gaze, -1.2)), (0.8 - 0.9 * gaze, 0.8 - 0.5 * gaze)
        fall.append(Patch((*left, at(right[0], -1.2), at(right[1], 0.3)), actor.hair, 0.25 * r))
    elif actor.hair_style == "bun":
        face.append(Disc(at(-0.75 * gaze, 1.05), 0.42 * r, actor.hair))
    face.append(Disc(middle, r, actor.skin))
    if actor.hair_style != "bald":
        start, stop = 35 + 25 * gaze, 145 + 75 * max(gaze, 0) + 25 * min(gaze, 0)
        scalp = tuple(at(z.real, z.imag) for z in arc(0, 1.02, 1.02, start, stop, 9))
        face.append(Patch(scalp, actor.accent if actor.hair_style == "cap" else actor.hair, 0.08 * r))
        if actor.hair_style == "cap":
            brim = (at(-0.8 + 1.1 * gaze, 0.6), at(0.8 + 0.7 * gaze, 0.6))
            face.append(Stroke(brim, 0.24 * r, mix(actor.accent, INK, 0.25)))
    eyes = (0.1,) if abs(gaze) > 0.8 else (-0.34, 0.34)
    face += [Disc(at(0.5 * gaze + x, -0.02), 0.14 * r, INK) for x in eyes]
    face.append(Stroke((at(0.55 * gaze - 0.22, -0.5), at(0.55 * gaze + 0.22, -0.5)), 0.12 * r, (150, 60, 60)))
    return fall, face


def dog(actor: Actor, t: float, rump: complex) -> tuple[list[Shape], complex]:
    """A trotting dog that looks to the right, with its hips at `rump`; and the point of its collar."""
    fur, dark = (mix(actor.hair, (196, 150, 100), share) for share in (0.6, 0.3))
    neck = rump + 0.24 + complex(0.01, 0.008 * wave(2 * t))
    skull = neck + 0.07 + 0.12j
    shapes: list[Shape] = []
    for k, x in enumerate((rump.real + 0.01, rump.real + 0.06, neck.real - 0.02, neck.real + 0.02)):
        paw = gait(1.5 * t + (0, 0.5, 0.25, 0.75)[k], x, 0.06, 0.03)[0]
        shapes.append(Stroke((complex(x, rump.imag - 0.03), paw), 0.036, dark if k % 2 else fur))
    shapes += [
        Stroke((rump, rump - 0.07 + 0.1j + 0.04 * wave(3 * t)), 0.028, fur),
        Stroke((rump, neck), 0.115, fur),
        Stroke((neck, skull), 0.085, fur),
        Disc(skull, 0.065, fur),
        Stroke((skull, skull + 0.09 - 0.025j), 0.05, fur),
        Disc(skull + 0.11 - 0.015j, 0.016, INK),
        Disc(skull + 0.025 + 0.025j, 0.011, INK),
        Stroke((skull - 0.03 + 0.03j, skull - 0.05 - 0.05j), 0.04, dark),
        Stroke((neck + 0.07j, neck + 0.07 + 0.03j), 0.026, actor.accent),
    ]
    return shapes, neck + 0.03 + 0.06j
