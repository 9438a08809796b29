"""Methods that leave the encoder as it is, and learn from its embeddings alone: seconds each, so twenty seeds.

    closed.py      no training: class means, text, and what is made of both
    trained.py     a last layer, keys or a projection that is trained
    rows.py        cosine rows, trained from different beginnings: which tells alignment and geometry apart
    protocol.py    one budget for all: chosen on validation embeddings, then the test, once
    answers.py     what came out, as tables and sentences

A method is a function with its decorator line: `(problem, **settings) -> embeddings -> logits`.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "answers": "MAIN by_method described headline in_words labels mechanism_of over_shots why worth_by_shots "
        "worth_of_text",
        "method": "METHODS FrozenMethod Problem methods",
        "protocol": "Draw Fitted Tournament fit shown tournament tune",
    },
)
