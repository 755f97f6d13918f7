"""Two languages: the catalogues are complete, what is said comes out in Chinese, and nobody pays who speaks English."""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import build_parser, main
from glassnet.cli.telling import put_into_words, wrapped
from glassnet.core.catalogues import LOCALES, VARIABLE, chosen, columns_of, translated
from glassnet.core.errors import ConfigurationError, DataWarning, GlassnetError

pytest.importorskip("babel")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import catalogues
from messages import Extractor, Template

CHINESE = re.compile("[\u4e00-\u9fff]")
PLACE = re.compile(r"\{(\d+)(![rs]|:n)?\}")
KEPT = 110
"""At most so many translations are the same as the English: names that both languages write alike."""
SAMPLES = {"": "Dense(3)", "!r": "'v{}'", ":n": "4{}", "!s": "s"}
"""What is put into a sentence, by the kind of the place."""


@pytest.fixture(scope="module")
def templates() -> list[Template]:
    return Extractor().templates()


@pytest.fixture(scope="module")
def translations() -> dict[str, str]:
    return catalogues.translations()


@pytest.fixture
def chinese() -> None:
    gn.set_language("zh")  # conftest.py puts it back


def places(text: str, *, needed: bool = False) -> set[str]:
    """The numbers of the places, where endings of words may be left out."""
    return {
        found[1]
        for found in PLACE.finditer(text.replace("{{", "").replace("}}", ""))
        if not (needed and found[2] == "!s")
    }


def test_every_sentence_has_a_translation(templates: list[Template], translations: dict[str, str]) -> None:
    without = [own.msgid for own in templates if not translations.get(own.msgid)]
    assert not without, "run tools/catalogues.py update, and translate what is new"
    assert len(templates) > 3000


def test_translations_hold_the_same_places(translations: dict[str, str]) -> None:
    for english, other in translations.items():
        assert places(english, needed=True) <= places(other) <= places(english), english


def test_translations_are_chinese(translations: dict[str, str]) -> None:
    alike = [english for english, other in translations.items() if not CHINESE.search(other)]
    assert not [own for own in alike if bare_of(own) != bare_of(translations[own])]
    assert len(alike) <= KEPT, alike


def bare_of(text: str) -> str:
    """Letters and numbers of places, without small words that have no Chinese."""
    return re.sub(r"\b(of|for|the|a)\b|[\s\W_]", "", catalogues.bare(text))


def test_no_translation_is_uncertain() -> None:
    for path in catalogues.folder().glob("*.po"):
        assert not [own.id for own in catalogues.read(path) if own.id and own.fuzzy], path


def test_what_is_compiled_is_what_is_written() -> None:
    assert catalogues.compiled().read_bytes() == catalogues.as_mo(), "run tools/catalogues.py compile"


def test_no_sentence_stays_in_the_files_that_is_no_longer_said(templates: list[Template]) -> None:
    said = {own.msgid for own in templates}
    for path in catalogues.folder().glob("*.po"):
        if path.stem != catalogues.HELD:
            assert not {str(own.id) for own in catalogues.read(path) if own.id} - said, path


def test_argparse_is_translated(translations: dict[str, str]) -> None:
    tree = ast.parse(Path(argparse.__file__).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_"]
    texts = {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}
    said = {
        text
        for text in texts
        if re.match("usage|argument %|unrec|ambig|expected|the foll|not allowed|options|show", text)
    }
    assert len(said) > 8
    assert said <= set(translations)


def filled(text: str, kinds: dict[str, str]) -> str:
    """A sentence with something in each place."""
    found = PLACE.sub(lambda place: SAMPLES[kinds[place[1]]].format(place[1]), text)
    return found.replace("{{", "{").replace("}}", "}")


def test_each_sentence_is_found_again(templates: list[Template], translations: dict[str, str]) -> None:
    """With something in its places it becomes its own translation, not that of a sentence that is like it."""
    others = []
    for own in templates:
        kinds = {str(number): kind for number, kind in enumerate(own.kinds)}
        english, expected = filled(own.msgid, kinds), filled(translations[own.msgid], kinds)
        found = translated(english, "zh")
        if re.sub(r"\s", "", found) != re.sub(r"\s", "", expected):
            others.append((english, found))
    assert len(others) <= 12, others  # of nearly 4,000, whose places meet or whose words are few
    rests = [own for own in others if not CHINESE.search(own[1])]
    assert len(rests) <= 3, rests


X, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "rows": (lambda: model().fit(X, Y[:9]), "9 行"),
    "turned": (lambda: model().fit(X.T, Y), "行是样本，列是特征"),
    "labels": (lambda: model().fit(X, Y + 5), "类别从 0 数起：传入 y - 5"),
    "missing": (lambda: model().fit(np.where(X > 1, np.nan, X), Y), "填补或去掉缺失值"),
    "units": (lambda: gn.Dense(-3), "整数，至少 1"),
    "activation": (lambda: gn.Dense(3, activation="relu"), "激活函数是单独的一层：写 gn.Dense(3), gn.ReLU()"),  # type: ignore[call-arg]
    "loss": (lambda: gn.Model(gn.Dense(2), "mse_los", "adam"), "您是指 'mean_squared_error' 吗？"),
    "rate": (lambda: gn.Adam(lr=1), "用 learning_rate= 代替 lr="),  # type: ignore[call-arg]
    "unbuilt": (lambda: model().predict(X), "还不知道形状的网络"),
    "file": (lambda: gn.load("nothing.safetensors"), "没有这个文件"),
    "image": (lambda: gn.Sequential(gn.Conv2D(3, 5), gn.Dense(2)).build((3, 4, 4)), "4×4 像素的图片"),
    "logits": (lambda: gn.Model(gn.Sequential(gn.Dense(2), gn.Softmax()), "cross_entropy", "adam"), "接受 logits"),
    "setting": (lambda: model().fit(X, Y, epoch=3), "用 epochs= 代替 epoch="),  # type: ignore[call-arg]
    "epochs": (lambda: model().fit(X, Y, epochs=0), "在这个范围内选择 epochs"),
    "text": (lambda: model().fit([["a", "b"]], [0]), "文字，例如 'a'，位于第 0 行"),
}


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2)), "cross_entropy", "adam")


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_python_are_told_in_chinese(name: str, chinese: None) -> None:
    call, said = MISTAKES[name]
    with pytest.raises(GlassnetError) as caught:
        call()
    error = caught.value
    message = str(error)
    assert said in message
    assert "：收到：" in message
    assert "；应为：" in message
    assert "。解决办法：" in message
    assert not CHINESE.search(str(error.args[0]) + "".join(error.parts.values()))
    gn.set_language("en")
    assert str(error) == error.args[0]


def run(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in (VARIABLE, *LOCALES)} | variables
    command = [sys.executable, "-m", "glassnet", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment, timeout=120
    )


def test_the_command_line_speaks_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "zh_CN.UTF-8")
    rows = "".join(f"{i % 40},{'ab'[i * 7 % 3 > 0]},{'yn'[i * 7 % 40 > 20]}\n" for i in range(120))
    Path("people.csv").write_text("age,town,buys\n" + rows)
    assert main(["train", "people.csv", "--target", "buys", "--epochs", "1", "--no-report"]) == 0
    out = capsys.readouterr().out
    for said in (
        "90 行训练，30 行测试",
        "第 1/1 轮",
        "测试准确率：",
        "模型已保存到 people.safetensors",
        "2 个类别",
        "合计",
    ):
        assert said in out
    assert main(["predict", "people.safetensors", "people.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "prediction"  # what programs read has no language
    assert main(["summary", "people.safetensors"]) == 0
    assert "训练       1 轮" in capsys.readouterr().out
    for arguments, said in (
        (["train", "no.csv"], "没有这个文件"),
        (["train", "people.csv"], "没有 --target"),
        (["train", "people.csv", "--target", "bys"], "您是指 'buys' 吗？"),
        (["train", "people.csv", "--target", "buys", "--epochs", "0"], "1 到 2,147,483,647 的整数"),
        (["predict", "people.safetensors", "no.csv"], "没有这个文件"),
        (["summary", "people.csv"], "完整的 .safetensors 文件"),
    ):
        assert main(arguments) == 2, arguments
        assert said in capsys.readouterr().err
    for arguments, said in (
        (["train", "--epocs", "3"], "选项 --epocs，这里没有"),
        (["trian"], "无效的选择：'trian'（您是指 'train' 吗？"),
        (["predict"], "缺少以下参数：model, data"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert said in capsys.readouterr().err


def test_help_is_chinese(chinese: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each help of each command, in lines that fit a terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    parser = build_parser()
    put_into_words(parser)
    commands = next(own.choices for own in parser._actions if isinstance(own, argparse._SubParsersAction))
    assert len(commands) >= 11
    for command in commands.values():
        assert CHINESE.search(command.description)
        for action in command._actions:
            assert action.dest == "help" or action.help is None or CHINESE.search(action.help), action
        described = command.format_help().partition("\n\n")[2]
        lines = [line for line in described.splitlines() if CHINESE.search(line)]
        assert not [line for line in lines if columns_of(line) > 80]


def test_lines_end_between_chinese_signs_and_never_before_punctuation() -> None:
    lines = wrapped("要读的数据：'digits'（自带）、带表头的表格（.csv、.tsv，都可加 .gz）" * 3, 24)
    assert all(columns_of(line) <= 26 for line in lines)
    assert not [line for line in lines if line[0] in "，。、；：）"]


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "en_US.UTF-8", "GLASSNET_LANGUAGE": "zh"}, "zh"),
        ({"LC_ALL": "zh_CN.UTF-8", "GLASSNET_LANGUAGE": "en"}, "en"),
    ],
)
def test_the_environment_chooses(variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VARIABLE, *LOCALES):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert chosen() == language
    gn.set_language("zh" if language == "en" else "en")
    assert chosen() != language
    gn.set_language(None)
    assert chosen() == language


def test_another_process_speaks_by_its_environment(tmp_path: Path) -> None:
    assert "没有这个文件" in run("summary", "no.safetensors", folder=tmp_path, LANG="zh_CN.UTF-8").stderr
    assert "received no such file" in run("summary", "no.safetensors", folder=tmp_path, LANG="C").stderr
    refused = run("summary", "no.safetensors", folder=tmp_path, GLASSNET_LANGUAGE="de")
    assert refused.returncode == 2
    assert "GLASSNET_LANGUAGE: received 'de', expected \"en\" (English)" in refused.stderr


def test_an_unknown_language_is_refused(chinese: None) -> None:
    for name in ("de", "", "zhong", 3, "English"):
        with pytest.raises(ConfigurationError, match="set_language"):
            gn.set_language(name)  # type: ignore[arg-type]
    assert chosen() == "zh"


def test_a_language_holds_in_all_threads() -> None:
    gn.set_language("zh")
    heard = []
    thread = threading.Thread(target=lambda: heard.append(translated("finite numbers")))
    thread.start()
    thread.join()
    assert heard == ["有限的数值"]


def test_errors_of_another_process_are_told_here(chinese: None) -> None:
    """What travels is English; who shows it translates."""
    import pickle

    try:
        gn.Dense(-1)
    except ConfigurationError as error:
        travelled = pickle.loads(pickle.dumps(error))
    assert "整数，至少 1" in str(travelled)
    assert travelled.expected.startswith("a whole number")


def test_warnings_are_told_in_chinese(chinese: None) -> None:
    with pytest.warns(DataWarning) as caught:
        warnings.warn("9 rows less", DataWarning, stacklevel=1)
    assert str(caught[0].message) == "少了 9 行"


def test_a_diagnosis_is_told_in_chinese(chinese: None, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)) * 1e5
    own = model()
    found = gn.diagnose(own, x, (x[:, 0] > 0).astype(int))
    text = str(found)
    assert "1. 输入未缩放：列 " in text
    assert "测得：" in text
    assert "原因：" in text
    assert "可以尝试：model.preprocessing = gn.Standardize.from_data(x)" in text
    assert found.findings[0].name == "unscaled_inputs"
    assert found.findings[0].measured.startswith("its values are of the size")
    own.print_hints(own.rows(x, Y[:30].repeat(2), None, where="hints"))
    assert "提示：输入未缩放（" in capsys.readouterr().out


def test_what_the_user_wrote_stays_as_it_is(chinese: None) -> None:
    """Names in quotation marks are no sentences, whatever they say."""
    table = gn.Table.from_data({"finite numbers": [1.0, 2.0, 3.0] * 5, "no rows": [0, 1, 0] * 5}, "no rows")
    with pytest.raises(GlassnetError, match="'finite numbers'") as caught:
        table.apply({"other": [1.0]})
    assert "有限的数值" not in str(caught.value)


def test_english_costs_nothing() -> None:
    """No catalogue is read, and gettext is not imported."""
    code = (
        "import os, sys; os.environ['GLASSNET_LANGUAGE'] = 'en'; import glassnet as gn\n"
        "try: gn.Dense(-1)\n"
        "except ValueError as error: text = str(error)\n"
        "from glassnet.core import catalogues\n"
        "assert 'whole number' in text and catalogues._catalogue.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "text", ["3 of 3 right, 0.981", "0.98; the 3 surest are right", "5 of 8 towns in reach", "12 of rye"]
)
def test_what_no_catalogue_knows_is_not_put_together_from_small_words(text: str) -> None:
    assert translated(text, "zh") == text


def test_lines_that_are_known_are_translated_each_by_itself() -> None:
    """No place of a sentence reaches into the next line."""
    first = "people: 90 rows to train, 30 to test, 27 features, 2 classes"
    second = "18 of the rows to train are set aside and choose the best of at most 1 epochs"
    said = translated(f"{first}\n\n{second}", "zh").split("\n\n")
    assert said == ["people：90 行训练，30 行测试，27 个特征，2 个类别", "留出训练行中的 18 行，从至多 1 轮里选最好的"]


def test_chinese_words_are_those_of_the_glossary() -> None:
    """Words that were given up for better ones come back nowhere; the glossary says why one of them is not used."""
    given_up = re.compile("看进去|整场训练|小批(?!量)|要学的列|四团|来历|报错会教人|逐比特|卷积核")
    home = Path(__file__).resolve().parent.parent
    texts = [path for folder in ("src", "docs", "examples") for path in (home / folder).rglob("*")]
    for path in [*texts, *home.glob("*.md")]:
        if path.suffix in {".md", ".py", ".po", ".js", ".html", ".ipynb"}:
            found = given_up.findall(path.read_text(encoding="utf-8"))
            assert found == (["卷积核"] if path.name == "contents.zh-CN.md" else []), path
