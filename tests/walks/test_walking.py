import pytest
from conftest import ROOT

from walks.walking import Block, Walk, all_blocks, blocks

PAGE = """# A page
```sh
echo one
```
Words.

```text
not a command
```

% not walked: it needs a GPU

````bash
nvidia-smi
```
````
:::{note}
```python
print("two")
```
:::

```{figure} picture.png
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_the_commands_of_a_page_are_found_with_their_lines(page):
    assert [(block.line, block.language, block.text) for block in blocks(page)] == [
        (2, "sh", "echo one\n"),
        (18, "python", 'print("two")\n'),
    ]


def test_what_is_left_out_says_why(page):
    assert {block.language: block.left_out for block in all_blocks(page)} == {
        "sh": "", "text": "", "bash": "it needs a GPU", "python": ""
    }  # fmt: skip


def test_every_page_of_how_tos_is_read_to_its_end():
    for path in sorted((ROOT / "book").rglob("*.md")):
        if "_build" not in path.parts:
            assert path.read_text().count("```sh\n") == sum(block.language == "sh" for block in all_blocks(path)), path


@pytest.mark.slow
def test_a_walk_has_a_clone_and_a_home_of_its_own(tmp_path):
    walk = Walk(tmp_path / "walk", tmp_path / "home", {"/data/ours": "there"})
    told = walk.run(Block(tmp_path, 1, "sh", "source .venv/bin/activate\ncd ~\npwd\necho /data/ours > ~/kept\n"))
    assert told == f"{tmp_path}/home\n"
    assert walk.run(Block(tmp_path, 2, "bash", "cat ~/kept\nls\nmkdir runs\n")).startswith("there\n")
    code = "import text4vis_lab\nprint(text4vis_lab.__file__)"
    assert walk.run(Block(tmp_path, 3, "python", code)).startswith(str(tmp_path / "walk"))
    assert walk.run(Block(tmp_path, 4, "sh", "make -n check | grep -c 'pip install' || true")) == "0\n"
    with pytest.raises(AssertionError, match="exit status 1 of\nfalse"):
        walk.run(Block(tmp_path, 5, "sh", "false\necho not reached\n"))
