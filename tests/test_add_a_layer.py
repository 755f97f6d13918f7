"""The page about adding a layer, done literally: its files in a copy of the package, its code run with them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import glassnet as gn

PAGE = Path(__file__).parents[1] / "docs" / "add-a-layer.md"
FIRST = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable")]
sys.path[:0] = {paths!r}
import glassnet
assert glassnet.__file__.startswith({root!r}), glassnet.__file__
"""


def test_its_files_make_a_layer_like_any_other(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    shutil.copytree(
        Path(gn.__file__).parent, tmp_path / "src" / "glassnet", ignore=shutil.ignore_patterns("__pycache__")
    )
    files = re.findall(r"`(src/[a-z_/]+\.py)`\n```python\n(.*?)```", text, flags=re.DOTALL)
    assert [name for name, _ in files] == ["src/glassnet/kernels/prelu.py", "src/glassnet/layers/prelu.py"]
    for name, content in files:
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(content, encoding="utf-8")
    root = str(tmp_path / "src")
    code = [
        block
        for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
        if "import annotations" not in block
    ]
    assert len(code) == 5
    paths = [root, str(Path(np.__file__).parents[1])]
    script = "\n".join([FIRST.format(paths=paths, root=root), *code, 'print("all of it ran")'])
    found = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert found.stdout.endswith("all of it ran\n"), found.stderr[-3000:]
