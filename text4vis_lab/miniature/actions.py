"""The actions: how each one moves, and what people call it.

An action is one function of `_moves.py` and one entry of `ACTIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import _moves as moves
from .drawing import Shape
from .skeleton import Actor

Move = Callable[[Actor, float], list[Shape]]

TIME_ORDERED_PAIRS = (
    ("sitting down", "standing up"),
    ("opening umbrella", "closing umbrella"),
    ("opening door", "closing door"),
)
NOVEL_CLASSES = (
    *("push up", "playing violin", "archery", "hula hooping"),
    *("riding a bike", "punching bag", "waving hand", "walking the dog"),
)


@dataclass(frozen=True)
class Action:
    """What the world knows about an action.

    `phrase` and `paraphrases` read well after "a person". `cycles` is the range of how many cycles two seconds hold.
    `travel` is how far the person gets in two seconds, in body heights; the camera follows.
    """

    name: str
    draw: Move
    phrase: str
    paraphrases: tuple[str, ...]
    cycles: tuple[float, float] = (1.5, 3.0)
    travel: float = 0.0

    @property
    def time_ordered(self) -> bool:
        """Whether the action runs once from a beginning to an end, as one of a pair that differs in direction."""
        return any(self.name in pair for pair in TIME_ORDERED_PAIRS)

    @property
    def backwards(self) -> bool:
        """Whether the action is the second of its pair: the first one's motion from its end to its beginning."""
        return any(self.name == second for _, second in TIME_ORDERED_PAIRS)

    @property
    def states(self) -> tuple[str, ...]:
        """Whole captions of single moments, true of both actions of a time-ordered pair."""
        return _STATES.get(self.draw, ())


_STATES: dict[Move, tuple[str, ...]] = {
    moves.sitting: ("a person half seated on a chair", "a person and a chair", "a person at {accent} chair"),
    moves.umbrella: ("a person with an umbrella", "someone holding up {accent} umbrella", "a person and an umbrella"),
    moves.door: (
        "a person beside a half open door",
        "a person with a hand on a door handle",
        "someone at {accent} door",
    ),
}
_LIST = (
    Action("sitting down", moves.sitting, "sitting down", ("taking a seat", "lowering into a chair")),
    Action("standing up", moves.sitting, "standing up", ("getting up", "rising from a chair")),
    Action(
        "opening umbrella", moves.umbrella, "opening an umbrella", ("unfolding an umbrella", "putting up a parasol")
    ),
    Action("closing umbrella", moves.umbrella, "closing an umbrella", ("folding an umbrella", "taking down a parasol")),
    Action("opening door", moves.door, "opening a door", ("pulling a door open", "swinging a door open")),
    Action("closing door", moves.door, "closing a door", ("pulling a door shut", "shutting a door")),
    Action(
        "jumping jacks", moves.jumping_jacks, "doing jumping jacks", ("doing star jumps", "leaping with arms spread")
    ),
    Action("push up", moves.push_up, "doing a push up", ("doing press ups", "exercising face down on the ground")),
    Action("pull ups", moves.pull_ups, "doing pull ups", ("doing chin ups", "hanging from a bar")),
    Action("squat", moves.squat, "doing a squat", ("bending the knees", "crouching with arms forward"), (1.2, 2.4)),
    Action(
        "cartwheeling", moves.cartwheeling, "cartwheeling", ("turning a cartwheel", "tumbling sideways"), (1.2, 2.2)
    ),
    Action(
        "juggling balls", moves.juggling, "juggling balls", ("juggling", "tossing three balls in the air"), (1.5, 2.6)
    ),
    Action(
        "playing guitar", moves.guitar, "playing guitar", ("strumming a guitar", "with an acoustic guitar"), (2.5, 5.0)
    ),
    Action(
        "playing violin", moves.violin, "playing violin", ("bowing a fiddle", "with a violin at the chin"), (1.5, 3.5)
    ),
    Action(
        "playing drums", moves.drums, "playing drums", ("behind a drum kit", "drumming with two sticks"), (3.0, 5.5)
    ),
    Action("archery", moves.archery, "doing archery", ("shooting an arrow", "drawing a bow"), (1.0, 1.6)),
    Action(
        "waving hand", moves.waving, "waving a hand", ("waving hello", "saying goodbye with a raised arm"), (2.0, 4.5)
    ),
    Action("skipping rope", moves.skipping, "skipping rope", ("jumping over a rope", "with a jump rope"), (2.0, 4.0)),
    Action("hula hooping", moves.hula, "hula hooping", ("spinning a hoop", "with a hoop around the waist"), (2.0, 4.0)),
    Action("riding a bike", moves.bike, "riding a bike", ("cycling", "pedalling {accent} bicycle"), (1.5, 3.0), 0.9),
    Action(
        "dribbling basketball",
        moves.dribble,
        "dribbling a basketball",
        ("bouncing a ball", "playing ball"),
        (2.0, 4.0),
        0.3,
    ),
    Action("punching bag", moves.punching, "punching a bag", ("boxing", "hitting a heavy bag with gloves"), (1.5, 3.5)),
    Action("flying kite", moves.kite, "flying a kite", ("with a kite in the air", "holding a kite string"), (0.8, 1.8)),
    Action(
        "walking the dog", moves.dog_walk, "walking the dog", ("with a dog on a leash", "out with a pet"), travel=0.6
    ),
)
ACTIONS: dict[str, Action] = {action.name: action for action in _LIST}
# What is said of a novel class without any word of its name: for a Mini CLIP that has never read these names.
UNNAMED: dict[str, tuple[str, ...]] = {
    "push up": ("exercising face down on the ground", "lowering the chest to the floor"),
    "playing violin": ("bowing a fiddle", "with a fiddle at the chin"),
    "archery": ("shooting an arrow", "drawing a bow"),
    "hula hooping": ("circling the hips", "with a ring around the waist"),
    "riding a bike": ("cycling", "pedalling {accent} bicycle"),
    "punching bag": ("boxing", "hitting a heavy sack with gloves"),
    "waving hand": ("saying goodbye with a raised arm", "greeting with a raised arm"),
    "walking the dog": ("out with a pet", "with a pet on a leash"),
}
