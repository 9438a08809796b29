"""The tournament of last layers: every method beside every other, one protocol, one budget.

    Rows, encoder trained towards them:   rows.py, texts.py       cells of `experiment.py`
    Frozen encoder, embeddings once:      frozen/                 fitted on `features.Features`
    How each method was tuned:            recipes.py              experiments/recipes.yaml

A method's hyperparameters are chosen on validation videos, by a run of its own, in as many trials for every
method; the test videos are scored once, with what was chosen.
"""
