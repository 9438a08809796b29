"""The quick start: what a model sees in one video, for the notebook and for the panel that it shows in JupyterLab.

asking.py    what the notebook's parameters ask for, checked before anything is loaded
looking.py   probabilities as frames come in, the videos that are nearest, how familiar the video is
heat.py      what in a frame is like the class
page.py      the video, its frames with their maps, and the nearest videos, as a page shows them
telling.py   what is said of it: captions, a reading, the answer
widgets.py   a panel that asks the same functions
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "asking": "Asked asked",
        "looking": "Look look nearest familiar reworded_table",
        "heat": "heat_map",
        "page": "neighbours pictured playing with_maps",
        "telling": "answers over_time reading",
        "widgets": "panel",
    },
)
