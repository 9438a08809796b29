"""The command `text4vis`: what the laboratory does with videos of one's own, from a terminal.

`commands.py` declares what there is to type, and imports nothing heavy; `asking.py`, `embedding.py`, `data.py`
and `training.py` do it, `tables.py` and `page.py` write what comes out. Results go to stdout, all else to stderr. Exit
codes: 0; 1, something could not be answered; 2, wrong use.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(__name__, {"running": "main", "commands": "app EXAMPLES"})
