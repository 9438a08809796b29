"""The book: pages that lead with what runs found, built by Jupyter Book without a network.

collecting.py  everything that Jupyter Book is given      building.py   gives it, and adds what the pages share
chapters.py    a chapter made of an executed notebook     outputs.py    what its cells put out, for a page
landing.py     what the records say of the claims         comparison.py the headline comparison, as a table
contents.py    parts, titles and their order              markdown.py   text that stays text
printing.py    the whole book as one PDF                  publishing.py a folder to upload

python book/build.py experiments/miniature.yaml
"""
