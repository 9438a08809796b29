"""The laboratory around `text4vis_core`: experiments, their records and figures, the miniature, suites, the bench.

It imports the core and is never imported by it.
"""
