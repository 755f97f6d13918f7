"""What the READMEs and the tour show: the code runs, is the same in both languages, and quotes are the real ones."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn

ROOT = Path(__file__).parent.parent
ENDINGS = (".md", ".zh-CN.md")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language, the empty string for those without."""
    pieces = (ROOT / name).read_text(encoding="utf-8").split("```")[1::2]
    return [body for first, _, body in (piece.partition("\n") for piece in pieces) if first == language]


def without_comments(code: str) -> str:
    return re.sub(r"\s*#.*", "", code)


def test_the_code_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks("docs/tour.md", "python"):
        exec(compile(block, "docs/tour.md", "exec"), namespace)
    shown = capsys.readouterr().out
    assert "'accuracy': 0.9" in shown
    assert "gradient check passed" in shown
    assert "dense_backward" in shown
    assert (tmp_path / "curves.png").is_file()
    assert (tmp_path / "step.html").is_file()
    assert (tmp_path / "watch.png").is_file()
    assert (tmp_path / "digits.safetensors").is_file()
    scale = namespace["Scale"]
    assert gn.check_gradients(gn.Sequential(gn.Dense(3), scale()), np.ones((2, 2)))  # type: ignore[operator]


def test_the_readme_s_code_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("README.md", "python")
    exec(compile(block, "README.md", "exec"), {})
    assert "'accuracy': 0.9" in capsys.readouterr().out
    assert (tmp_path / "step.html").is_file()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_readme_is_short_and_benchmarks_find_the_place_of_their_tables(ending: str) -> None:
    readme, page = (ROOT / f"{name}{ending}" for name in ("README", "docs/performance"))
    assert len(readme.read_text(encoding="utf-8").splitlines()) < 100
    assert [page.read_text(encoding="utf-8").count(mark) for mark in ("<!-- benchmark table", "<!-- end of")] == [1, 1]


@pytest.mark.parametrize("name", ["docs/trace.md", "docs/trace.zh-CN.md"])
def test_the_code_about_traces_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks(name, "python"):
        exec(compile(block, name, "exec"), namespace)
    shown = capsys.readouterr().out
    for line in blocks(name, "")[0].splitlines():
        if line.strip() != "...":
            assert line.strip() in shown
    assert (tmp_path / "step.html").stat().st_size > 100_000
    assert (tmp_path / "watch.png").stat().st_size > 20_000


@pytest.mark.parametrize("page", ["README", "docs/tour", "docs/playground", "docs/tables"])
def test_both_languages_show_the_same_code(page: str) -> None:
    names = f"{page}.md", f"{page}.zh-CN.md"
    english, chinese = (list(map(without_comments, blocks(name, "python"))) for name in names)
    assert english == chinese


def test_the_code_about_the_playground_runs() -> None:
    for block in blocks("docs/playground.md", "python"):
        exec(compile(block, "docs/playground.md", "exec"), {})


@pytest.mark.filterwarnings("default::glassnet.core.errors.DataWarning")  # a row has a gap, to show it
@pytest.mark.parametrize("name", ["docs/tables.md", "docs/tables.zh-CN.md"])
def test_the_code_about_tables_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    first, *others = blocks(name, "python")
    exec(compile(first, name, "exec"), namespace)
    assert capsys.readouterr().out == blocks(name, "")[0]
    for block in others:
        exec(compile(block, name, "exec"), namespace)
    shown = capsys.readouterr().out
    assert "sold  time, by month, weekday, some missing; read as MM/DD/YYYY" in shown
    assert re.fullmatch(r"\['[ny]' '[ny]'\]", shown.splitlines()[-1])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["12", "-3.5e-7"], "number, mean"),
        (["1,234.5", "1,000,234"], "thousands parted by ','"),
        (["1.234,5", "7,25"], "decimal comma, thousands parted by '.'"),
        (["1 234", "12"], "thousands parted by ' '"),
        (["€ 12", "€ 13.5"], "€"),
        (["(12.50)", "3"], "number, mean -4.75"),
        (["12 %", "13%"], "percent"),
        (["−3", "3"], "number, mean 0, "),
        (["true", "FALSE"], "true or false"),
        (["2024-12-31", "2024-01-02"], "time, by month, weekday"),
        (["31.12.2024", "1.2.2024"], "read as DD.MM.YYYY"),
        (["12/31/24", "1/2/24"], "read as MM/DD/YY"),
        (["1/2/2024", "3/2/2024"], "cannot be told apart"),
        (["31 Dec 2024", "1 Jan 2024"], "time"),
        (["2024年12月31日", "2024年1月1日"], "time"),
        (["20241231", "20240101", "20240229"], "time, by month, weekday"),
        (["2024-12-31 08:15", "2024-12-30 09:00"], "hour"),
        (["08:15", "8:15 pm"], "time of day"),
        (["36:00:00", "02:00:00"], "duration"),
        (["2 days 03:00", "1 days 04:00"], "duration"),
        (["PT15M", "PT20M"], "duration"),
        (["00123", "20000"], "2 categories: 00123, 20000"),
        (["9007199254740992", "9007199254740993"], "9007199254740992, 9007199254740993"),
        (["1", "?"], "number"),
        (["1", "NaN", "n/a", "NULL", "None", "-", ""], "number"),
        ([" Ulm", "Ulm ", "Bern"], "2 categories: Ulm, Bern"),
    ],
)
def test_what_the_page_about_tables_says_of_columns_is_so(texts: list[str], said: str) -> None:
    table = gn.Table.from_data({"a": texts, "b": list(range(len(texts)))})
    assert said in table.describe(table.columns[0])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_are_linked_exist(path: Path) -> None:
    prose = "".join(path.read_text(encoding="utf-8").split("```")[::2])
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    assert [link for link in links if not link.startswith("http") and not (path.parent / link).exists()] == []
    assert links or path.name in ("estimators.md", "CODE_OF_CONDUCT.md")


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_quoted_error_is_the_real_one(ending: str) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(10)), "cross_entropy", "sgd")
    with pytest.raises(gn.DataError) as caught:
        model.fit(np.ones((10, 2)), np.arange(1, 11), verbose=False)
    quoted = next(block for block in blocks(f"docs/contents{ending}", "") if block.startswith("fit: y"))
    assert " ".join(quoted.split()) == str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_quoted_kernels_are_the_real_ones(ending: str) -> None:
    """The page leaves out types and docstrings, nothing else."""
    quoted = next(block for block in blocks(f"docs/tour{ending}", "python") if "def dense_forward" in block)
    source = (ROOT / "src/glassnet/kernels/dense.py").read_text(encoding="utf-8")
    for line in without_comments(quoted).splitlines():
        if line.strip() and not line.startswith("def "):
            assert line.strip() in source, line
