"""How each action moves.

Each function takes an actor and the time and returns the shapes of that moment, back to front. Time counts cycles for a
periodic action, and runs from 0 to 1 for a time-ordered one.
"""

import cmath
import math

from .drawing import RGB, Disc, Patch, Shape, Stroke, arc, box, mix
from .skeleton import ANKLE, INK, Actor, Pose, between, dog, figure, gait, pulse, wave

WOOD: RGB = (150, 98, 58)
STEEL: RGB = (120, 124, 134)
PALE: RGB = (240, 234, 220)
BRASS: RGB = (226, 188, 88)
STRING: RGB = (132, 126, 130)
STANCE = (-0.075 + 0j, 0.075 + 0j)  # the soles of one who faces us


def sitting(actor: Actor, t: float) -> list[Shape]:
    hip = between(actor.stand * 1j, -0.19 + 0.33j, t)
    lean = 0.06 + 0.6 * math.sin(math.pi * t)
    chest = hip + actor.torso * cmath.exp(1j * (math.pi / 2 - lean))
    hand = between(chest + 0.03 - 0.3j, 0.03 + 0.34j, t)
    body = figure(actor, Pose(hip, (hand + 0.02, hand), (0.05, 0.02), lean=lean, side=True, nod=-0.5 * lean))
    legs = [Stroke(leg, 0.03, mix(actor.accent, INK, 0.3)) for leg in ((-0.37 + 0.26j, -0.4), (-0.1 + 0.26j, -0.07))]
    chair = [*legs, Stroke((-0.44 + 0.62j, -0.39 + 0.25j, -0.09 + 0.25j), 0.048, actor.accent)]
    return [*chair, *body.shapes]


def umbrella(actor: Actor, t: float) -> list[Shape]:
    apex, angle, rib = 0.2 + 1.25j, 0.1 + 1.1 * t, 0.46
    hands = (0.185 + (0.74 + 0.14 * t) * 1j, 0.18 + 0.6j)
    body = figure(actor, Pose(actor.stand * 1j, hands, STANCE, gaze=0.4, nod=0.05))
    stick = Stroke((apex + 0.06j, 0.18 + 0.52j), 0.018, STEEL)
    shapes: list[Shape] = [stick, Stroke(arc(0.15 + 0.52j, 0.03, 0.04, 0, -180, 7), 0.022, WOOD)]

    def edge(k: float) -> list[complex]:
        """A rib from the apex to its tip, bent outwards; k in -1..1 is how far left or right of the stick it is."""
        middle = apex + rib * complex(0.62 * k * math.sin(angle), 0.1 * t * (1 - abs(k)) - 0.28 * math.cos(angle))
        tip = apex + rib * complex(k * math.sin(angle), -math.cos(angle))
        return [between(between(apex, middle, s), between(middle, tip, s), s) for s in (0.0, 0.35, 0.7, 1.0)]

    for k, (left, right) in enumerate(((-1, -0.4), (-0.4, 0.4), (0.4, 1))):
        hem = edge((left + right) / 2)[-1] + 0.035j * t
        cloth = (*edge(left), hem, *reversed(edge(right)))
        shapes.append(Patch(cloth, actor.accent if k % 2 else mix(actor.accent, INK, 0.3), 0.008))
    return [*body.core, *shapes, *body.near]


def door(actor: Actor, t: float) -> list[Shape]:
    hinge, wide, tall = 0.7, 0.44, 1.08
    free, near = hinge - wide * math.cos(1.5 * t), 0.07 * math.sin(1.5 * t)  # the edge that comes towards us, and grows

    def leaf(*corners: tuple[float, float]) -> tuple[complex, ...]:
        """Points of the door, given as shares of its width, from the hinge, and of its height."""
        return tuple(complex(hinge + (free - hinge) * x, (tall + 2 * near * x) * y - near * x) for x, y in corners)

    panels = [leaf((0.2, y), (0.8, y), (0.8, y + 0.34), (0.2, y + 0.34)) for y in (0.1, 0.56)]
    (knob,) = leaf((0.87, 0.48))
    hip = complex(-0.02 + 0.28 * t, actor.stand)
    feet = tuple(hip.real + x + 0.05j * max(0.0, wave(t * s)) for x, s in ((0.06, 1), (-0.06, -1)))
    body = figure(actor, Pose(hip, (hip - 0.03, knob), feet, lean=0.08, side=True))
    hole = box(hinge - wide, 0, hinge, tall)
    wall = [
        Patch(box(0.12, 0, 0.82, 1.2), mix(actor.second, PALE, 0.75), 0.01),
        Patch(hole, mix(actor.second, INK, 0.6)),
    ]
    wood = [Patch(leaf((0, 0), (1, 0), (1, 1), (0, 1)), actor.accent, 0.006)]
    wood += [Patch(panel, mix(actor.accent, INK, 0.25)) for panel in panels]
    return [*wall, Stroke((hole[0], hole[3], *hole[2:0:-1]), 0.04, PALE), *wood, Disc(knob, 0.025, BRASS), *body.shapes]


def jumping_jacks(actor: Actor, t: float) -> list[Shape]:
    u = pulse(t)
    hop = 0.07 * abs(wave(t)) * actor.vigour
    hip = complex(0, actor.stand + hop - 0.05 * u)
    angle = math.radians(-72 + 150 * u)
    hands = tuple(hip + 0.27j + 0.1 * s + 0.31 * complex(s * math.cos(angle), math.sin(angle)) for s in (-1, 1))
    feet = tuple(complex(s * (0.05 + 0.2 * u * actor.vigour), hop) for s in (-1, 1))
    return figure(actor, Pose(hip, hands, feet)).shapes


def push_up(actor: Actor, t: float) -> list[Shape]:
    heel, shoulder = -0.52 + 0.01j, complex(0.2, 0.17 + 0.165 * pulse(t))
    ankle = heel + ANKLE
    spine = (shoulder - ankle) / abs(shoulder - ankle)
    hip = ankle + spine * 2 * actor.leg * 0.99
    hands = (0.25 + 0.03j, 0.21 + 0.02j)
    return figure(
        actor, Pose(hip, hands, (heel, heel), lean=math.pi / 2 - cmath.phase(spine), side=True, nod=-0.35)
    ).shapes


def pull_ups(actor: Actor, t: float) -> list[Shape]:
    chest = complex(0.015 * wave(t), 0.95 + 0.2 * pulse(t))
    hip = chest - actor.torso * 1j
    feet = tuple(hip + complex(d, -0.42 + 0.04 * pulse(t)) for d in STANCE)
    body = figure(actor, Pose(hip, (-0.19 + 1.25j, 0.19 + 1.25j), feet, nod=0.04, elbows=(1, -1)))
    posts = [Stroke((complex(x, 0), complex(x, 1.3)), 0.045, mix(actor.accent, INK, 0.2)) for x in (-0.45, 0.45)]
    return [*posts, Stroke((-0.47 + 1.25j, 0.47 + 1.25j), 0.035, STEEL), *body.shapes]


def squat(actor: Actor, t: float) -> list[Shape]:
    u = pulse(t) * min(actor.vigour, 1)
    hip = between(actor.stand * 1j, -0.17 + 0.22j, u)
    lean = 0.04 + 0.5 * u
    chest = hip + actor.torso * cmath.exp(1j * (math.pi / 2 - lean))
    hand = chest + cmath.rect(0.31, math.radians(-70 + 72 * min(1, 2.5 * u)))
    return figure(actor, Pose(hip, (hand + 0.02j, hand), (0.03, 0), lean=lean, side=True, nod=-0.4 * u)).shapes


def cartwheeling(actor: Actor, t: float) -> list[Shape]:
    roll = abs(2 * ((t / 2) % 1) - 1)  # one wheel to the right, then one back
    turn = cmath.exp(-2j * math.pi * roll)
    limbs = [turn * complex(x, y) for x, y in ((-0.3, 0.58), (0.3, 0.58), (-0.28, -0.38), (0.28, -0.38))]
    hip = complex(0.5 * (roll - 0.5), 0.02 - min(z.imag for z in limbs))
    hands, feet = (tuple(hip + z for z in pair) for pair in (limbs[:2], limbs[2:]))
    feet = tuple(foot - ANKLE for foot in feet)
    return figure(actor, Pose(hip, hands, feet, lean=2 * math.pi * roll)).shapes


def juggling(actor: Actor, t: float) -> list[Shape]:
    hands = (-0.17 + (0.55 + 0.045 * wave(t)) * 1j, 0.17 + (0.55 - 0.045 * wave(t)) * 1j)
    body = figure(actor, Pose(actor.stand * 1j, hands, STANCE, nod=0.03 * wave(t)))
    shapes = body.shapes
    for k, colour in enumerate((actor.accent, actor.second, (240, 225, 90))):
        flight = 2 * ((t + k / 3) % 1)
        side, u = (1 if flight < 1 else -1), flight % 1
        ball = complex(side * (0.34 * u - 0.17), 0.62 + 4 * (0.5 + 0.08 * actor.vigour) * u * (1 - u))
        shapes.append(Disc(ball, 0.05, colour))
    return shapes


def guitar(actor: Actor, t: float) -> list[Shape]:
    sway = 0.02 * wave(t / 2)
    hip = complex(sway, actor.stand)
    axis, low = cmath.rect(1, math.radians(158)), hip + 0.1 + 0.03j
    fret = low + axis * (0.4 + 0.06 * wave(t / 2))
    strum = low + 0.02 + axis * 0.08j * wave(t) * actor.vigour
    body = figure(actor, Pose(hip, (fret, strum), STANCE, lean=sway, gaze=-0.3, nod=-0.1 + 2 * sway))
    top, dark = mix(actor.accent, (206, 132, 66), 0.6), mix(WOOD, INK, 0.35)
    neck = [Stroke((low, low + axis * 0.5), 0.034, dark), Stroke((low + axis * 0.49, low + axis * 0.57), 0.05, dark)]
    discs = ((0.12, 0.095, top), (-0.02, 0.125, top), (0.06, 0.085, top), (0.06, 0.042, INK))
    sound_box = [Disc(low + axis * x, radius, colour) for x, radius, colour in discs]
    strings = Stroke((low - axis * 0.06, low + axis * 0.5), 0.008, PALE)
    return [*body.core, *neck, *sound_box, strings, *body.near]


def violin(actor: Actor, t: float) -> list[Shape]:
    hip = complex(0.012 * wave(t / 2), actor.stand)
    chin = hip + complex(-0.08, actor.torso + 0.02)
    axis, bow = cmath.rect(1, math.radians(172)), cmath.rect(1, math.radians(62))
    scroll = chin + axis * 0.33
    frog = chin + axis * 0.1 - bow * (0.12 + 0.11 * wave(t) * actor.vigour)
    body = figure(actor, Pose(hip, (chin + axis * 0.29 - 0.03j, frog), STANCE, gaze=-0.55, nod=-0.16, elbows=(1, 1)))
    top, dark = mix(actor.accent, (160, 82, 40), 0.75), mix(WOOD, INK, 0.5)
    shapes: list[Shape] = [Stroke((chin, scroll), 0.022, dark), Disc(scroll, 0.02, dark)]
    shapes += [Disc(chin + axis * 0.15, 0.045, top), Disc(chin + axis * 0.05, 0.058, top)]
    shapes.append(Stroke((frog, frog + bow * 0.4), 0.016, mix(WOOD, INK, 0.2)))
    return [*body.core, *body.near[:3], *shapes, *body.near[3:]]


def drums(actor: Actor, t: float) -> list[Shape]:
    raised = (pulse(t), pulse(t + 0.5))
    hands = tuple(complex(0.3 * s, 0.54 + 0.12 * u * actor.vigour) for s, u in zip((-1, 1), raised, strict=True))
    body = figure(actor, Pose(0.4j, hands, (-0.3, 0.3), nod=0.08 * wave(t), elbows=(1, -1)))
    kit: list[Shape] = []
    for s in (-1, 1):
        kit.append(Stroke((complex(s * 0.52, 0), complex(s * 0.5, 0.8)), 0.018, STEEL))
        kit.append(Patch(arc(complex(s * 0.5, 0.8), 0.17, 0.028, tilt=-12 * s), BRASS, 0.004))
    kit += [Disc(0.21j, 0.2, actor.accent), Disc(0.21j, 0.16, PALE)]
    for x, y, r in ((-0.34, 0.3, 0.13), (0.34, 0.3, 0.13), (-0.14, 0.46, 0.1), (0.14, 0.46, 0.1)):
        kit.append(Patch(box(x - r, y - 1.5 * r, x + r, y), actor.accent, 0.004))
        kit.append(Patch(arc(complex(x, y), r, 0.03), PALE, 0.008))
    for hand, s, u in zip(body.hands, (-1, 1), raised, strict=True):
        stick = cmath.rect(0.2, math.radians(-16 + 75 * u))
        kit.append(Stroke((hand, hand + complex(-s * stick.real, stick.imag)), 0.022, WOOD))
    return [*body.core, *kit, *body.near]


def archery(actor: Actor, t: float) -> list[Shape]:
    u = t % 1
    nocked, rest = u < 0.68, 0.29 + 0.76j
    drawn = pulse(min(u, 0.55) / 1.1) if nocked else 0.0
    nock = between(rest, 0.06 + 0.78j, drawn)
    hand = nock if nocked else between(-0.02 + 0.8j, rest, (u - 0.68) / 0.32)
    grip = 0.36 + 0.76j
    body = figure(actor, Pose(actor.stand * 1j, (grip, hand), (0.12, -0.12), side=True, elbows=(-1, 1), knees=(1, -1)))
    tips = (0.3 + 1.08j - 0.05 * drawn, 0.3 + 0.44j - 0.05 * drawn)
    bow = Stroke((tips[0], 0.385 + 0.92j, grip + 0.04, 0.385 + 0.6j, tips[1]), 0.026, mix(actor.accent, WOOD, 0.4))
    string = Stroke((tips[0], nock if nocked else sum(tips) / 2, tips[1]), 0.008, STRING)
    tail = nock if nocked else between(rest, 0.78 + 0.74j, min(1, (u - 0.68) / 0.12))
    arrow = [Stroke((tail, tail + 0.38), 0.014, mix(WOOD, INK, 0.3)), Stroke((tail, tail + 0.05), 0.035, actor.second)]
    rings = ((1, PALE), (0.72, (66, 120, 196)), (0.46, (204, 60, 56)), (0.2, (240, 206, 84)))
    target: list[Shape] = [Stroke((1.12, 1.12 + 0.7j), 0.03, WOOD)]
    target += [Patch(arc(1.12 + 0.74j, 0.13 * r, 0.2 * r), colour, 0.005) for r, colour in rings]
    return [*target, *body.far, *body.core, bow, string, *arrow, *body.near]


def waving(actor: Actor, t: float) -> list[Shape]:
    hip = complex(0.01 * wave(t), actor.stand)
    elbow = hip + complex(actor.shoulders + 0.13, actor.torso + 0.02)
    palm = cmath.rect(1, math.radians(82 + 34 * wave(t) * actor.vigour))
    hand = elbow + 0.16 * palm
    body = figure(actor, Pose(hip, (-0.17 + 0.47j, hand), STANCE, gaze=0.15, nod=0.03 * wave(t), elbows=(-1, -1)))
    fingers = [Stroke((hand, hand + palm * cmath.rect(0.055, a)), 0.018, actor.skin) for a in (-0.5, 0, 0.5)]
    return [*body.shapes, *fingers]


def skipping(actor: Actor, t: float) -> list[Shape]:
    angle = 2 * math.pi * t  # of the rope; 0 is overhead
    hop = 0.11j * max(0.0, -math.cos(angle)) * actor.vigour
    hip = (actor.stand - 0.02) * 1j + hop
    body = figure(actor, Pose(hip, (hip - 0.24, hip + 0.24), tuple(z + hop for z in STANCE)))
    height = 0.55 + 0.62 * math.cos(angle) - hip.imag
    bends = [cmath.rect(1, math.pi * k / 14) for k in range(15)]
    points = tuple(hip + complex((0.24 + 0.28 * z.imag) * z.real, height * z.imag) for z in bends)
    rope = Stroke(points, 0.022, actor.accent)
    grips = [Stroke((hip + 0.24 * s, hip + 0.29 * s), 0.03, actor.second) for s in (-1, 1)]
    behind = math.sin(angle) > 0
    return [rope, *body.shapes, *grips] if behind else [*body.shapes, *grips, rope]


def hula(actor: Actor, t: float) -> list[Shape]:
    circle = cmath.rect(1, 2 * math.pi * t)
    hip = complex(0.055 * circle.real * actor.vigour, actor.stand - 0.015)
    hands = (complex(-0.39, 0.72 + 0.05 * circle.imag), complex(0.39, 0.72 - 0.05 * circle.imag))
    body = figure(actor, Pose(hip, hands, (-0.11, 0.11), lean=-0.7 * hip.real, nod=0.5 * hip.real, elbows=(1, -1)))
    centre, tilt = hip + complex(-1.6 * hip.real, 0.07), 9 * circle.imag
    halves = [arc(centre, 0.32, 0.085, start, start + 180, 15, tilt) for start in (0, 180)]
    back, front = (Stroke(half, 0.03, actor.accent) for half in halves)
    return [back, *body.core, front, *body.near]


def bike(actor: Actor, t: float) -> list[Shape]:
    crank, seat, stem, bars, rear, front = 0.19j, -0.14 + 0.5j, 0.24 + 0.47j, 0.27 + 0.56j, -0.36 + 0.2j, 0.36 + 0.2j
    pedals = [crank + cmath.rect(0.075, a - 2 * math.pi * t) for a in (0, math.pi)]
    feet = (pedals[0] - 0.025j, pedals[1] - 0.025j)
    body = figure(actor, Pose(seat + 0.05j, (bars + 0.02, bars), feet, lean=0.62, side=True, nod=-0.5))
    wheels: list[Shape] = []
    for hub in (rear, front):
        spokes = [cmath.rect(0.19, (k - 3 * t) * math.pi / 3) for k in range(3)]
        wheels += [Stroke((hub + spoke, hub - spoke), 0.008, (190, 192, 198)) for spoke in spokes]
        wheels.append(Stroke(arc(hub, 0.2, 0.2), 0.028, INK))
    tubes = ((rear, crank, seat, rear), (crank, stem, seat), (front, stem, bars))
    frame = [*(Stroke(tube, 0.028, actor.accent) for tube in tubes), Stroke((seat - 0.07, seat + 0.05), 0.035, INK)]
    cranks = [Stroke((crank, pedal), 0.02, STEEL) for pedal in pedals]
    handle = Stroke((bars - 0.03, bars + 0.05), 0.03, INK)
    return [*wheels, cranks[0], *body.far, *frame, *body.core, cranks[1], handle, *body.near]


def dribble(actor: Actor, t: float) -> list[Shape]:
    u = t % 1  # 0 when the ball is on the ground, 0.5 when it is at the hand
    ball = complex(0.27, 0.085 + 0.4 * math.sqrt(actor.vigour) * (1 - (2 * abs(u - 0.5) - 1) ** 2))
    hand = complex(0.25, max(0.44 - 0.1 * math.cos(2 * math.pi * u), ball.imag + 0.09))
    hip = complex(0, actor.stand - 0.05 - 0.015 * wave(t))
    body = figure(
        actor, Pose(hip, (hip + 0.05 + 0.1j, hand), gait(t / 2, 0, 0.1, 0.03), lean=0.22, side=True, nod=0.05)
    )
    seam = Stroke(arc(ball, 0.085, 0.03, count=13, tilt=-200 * u), 0.008, INK)
    return [*body.far, *body.core, Disc(ball, 0.085, (222, 122, 50)), seam, *body.near]


def punching(actor: Actor, t: float) -> list[Shape]:
    hits = [max(0.0, wave(t + delay)) ** 2 for delay in (0, 0.5)]
    hit = max(hits)
    hip = complex(0.03 * hit - 0.02, actor.stand - 0.03)
    guard = hip + complex(0.14, actor.torso)
    hands = (between(guard + 0.05, 0.36 + 0.8j, hits[0]), between(guard, 0.36 + 0.8j, hits[1]))
    body = figure(actor, Pose(hip, hands, (0.1, -0.12), lean=0.1 + 0.1 * hit, side=True))
    hook, hang = 0.46 + 1.35j, cmath.rect(1, -math.pi / 2 + 0.1 * hit * actor.vigour)
    top, end, band = (hook + length * hang for length in (0.32, 0.8, 0.44))
    bag = [
        Stroke((0.36 + 1.36j, 0.67 + 1.36j, 0.67), 0.035, STEEL),
        Stroke((hook, top), 0.014, STEEL),
        Stroke((top, end), 0.18, mix(actor.accent, INK, 0.25)),
        Stroke((band - 0.085, band + 0.085), 0.03, PALE),
    ]
    gloves = [Disc(hand, 0.055, (196, 48, 48)) for hand in body.hands]
    return [*bag, *body.far, gloves[0], *body.core, *body.near, gloves[1]]


def kite(actor: Actor, t: float) -> list[Shape]:
    middle = complex(0.72 + 0.07 * wave(t) * actor.vigour, 1.3 + 0.05 * wave(2 * t + 0.2))
    tilt = cmath.exp(1j * math.radians(-28 + 16 * wave(t + 0.2)))
    hands = (complex(0.2, 0.84 + 0.03 * wave(t)), complex(0.15, 0.76 + 0.03 * wave(t)))
    body = figure(actor, Pose(actor.stand * 1j, hands, (0.07, -0.07), lean=-0.1, side=True, nod=-0.35))
    top, right, low, left = (middle + tilt * z for z in (0.17j, 0.12 + 0.03j, -0.2j, -0.12 + 0.03j))
    sag = between(hands[0], middle, 0.5) - 0.05j
    string = Stroke((hands[0], sag, middle), 0.01, STRING)
    tail = tuple(low + complex(0.025 * wave(k / 5 + t), -0.055 * k) for k in range(6))
    bows = [Disc(z, 0.022, actor.second) for z in tail[1::2]]
    sails = [Patch((top, right, low), actor.accent, 0.006), Patch((top, left, low), actor.second, 0.006)]
    return [string, Stroke(tail, 0.01, STRING), *bows, *sails, Stroke((left, right), 0.01, WOOD), *body.shapes]


def dog_walk(actor: Actor, t: float) -> list[Shape]:
    hip = complex(-0.12, actor.stand - 0.015 + 0.012 * wave(2 * t))
    hands = (hip + 0.2 + 0.08j, hip + 0.02 + 0.08 * math.cos(2 * math.pi * t))
    body = figure(actor, Pose(hip, hands, gait(t, -0.12, 0.15, 0.06), lean=0.05, side=True))
    pet, collar = dog(actor, t, 0.42 + 0.23j)
    leash = Stroke((body.hands[0], between(body.hands[0], collar, 0.5) - 0.05j, collar), 0.012, actor.accent)
    return [*body.far, *pet, leash, *body.core, *body.near]
