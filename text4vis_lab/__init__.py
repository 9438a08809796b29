"""The laboratory around `text4vis_core`: experiments, their records and figures, the miniature, suites, the bench.

    lab.py        a notebook's laboratory, opened in a line          settings.py    every setting, declared once
    cell.py, experiment.py    one cell of a table, trained           rows.py, scores.py, records.py    what a run leaves
    processes.py  one call on many processes, and machines           frame_store.py  small videos kept in memory
    lists.py, metrics.py, class_embeddings.py     what experiments ask of lists, of scores, and of class names
    wording.py, posters.py    numbers in words, videos in small pictures
    progress.py, loggers.py    what a run tells while it goes on, and whom
    claims.py, judging.py, published.py    verdicts, and what to set beside     inference/  intervals and tests
    figures/       how it is drawn
    miniature/ suites/ prepare/ cache/ rehearsal/ bench/             datacheck.py
    model_files/ models/    trained models as folders, that answer   cli/           the command text4vis

It imports the core and is never imported by it.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "lab": "Lab",
        "cell": "Cell Part",
        "tournament.methods": "Method LINEAR",
    },
)
