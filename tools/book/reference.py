"""The reference: every public name with what its source says of it, as pages for mkdocstrings."""

from __future__ import annotations

import inspect
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import glassnet as gn

ROOMS = {
    "model": ("Models", "模型"),
    "network": ("Networks", "网络"),
    "layers": ("Layers", "层"),
    "losses": ("Losses", "损失"),
    "optimizers": ("Optimizers", "优化器"),
    "schedules": ("Schedules", "学习率调度"),
    "initializers": ("Initial values", "初始值"),
    "metrics": ("Metrics", "指标"),
    "training": ("Training and callbacks", "训练与回调"),
    "data": ("Data", "数据"),
    "tables": ("Tables", "表格"),
    "tabular": ("Models of tables", "表格模型"),
    "preprocessing": ("Preprocessing", "预处理"),
    "text": ("Texts", "文本"),
    "generation": ("Texts that a model writes", "文本生成"),
    "tracing": ("Traces", "追踪"),
    "derivatives": ("Derivatives and explanations", "导数与解释"),
    "diagnosis": ("Diagnosis", "诊断"),
    "plots": ("Pictures", "画图"),
    "reports": ("Reports", "报告"),
    "tuning": ("Search for settings", "超参数搜索"),
    "many": ("Many models", "多个模型"),
    "calibration": ("Calibration", "概率校准"),
    "estimators": ("Estimators", "估计器"),
    "interop": ("Other formats", "与其他格式互通"),
    "zoo": ("Ready-made networks", "现成的网络"),
    "runners": ("Runners", "执行者"),
    "kernels": ("Kernels", "核函数"),
    "core": ("Errors and warnings", "错误与警告"),
}
"""Titles of the rooms, in the order of the pages; a room that is missing here gets its own name."""


class Entry(NamedTuple):
    """A public name."""

    name: str
    """As it is written after ``import glassnet as gn``."""
    home: str
    """Where its source is, as mkdocstrings looks it up."""
    thing: Any


def entries() -> dict[str, list[Entry]]:
    """The public names of each room, those of public modules included; each thing once, under its shortest name."""
    found: dict[str, Entry] = {}
    modules = {name: getattr(gn, name) for name in gn.__all__ if isinstance(getattr(gn, name), ModuleType)}
    for name in gn.__all__:
        add(found, f"gn.{name}", getattr(gn, name))
    for name, module in modules.items():
        for inner in names(module):
            add(found, f"gn.{name}.{inner}", getattr(module, inner))
    rooms: dict[str, list[Entry]] = {room: [] for room in ROOMS}
    for home, entry in found.items():
        rooms.setdefault(home.split(".")[1], []).append(entry)
    return {room: sorted(inside, key=lambda entry: entry.name.lower()) for room, inside in rooms.items() if inside}


def names(module: ModuleType) -> list[str]:
    """What a public module offers: its ``__all__``, or else the classes and functions that are its own."""
    if module is gn.kernels:
        return []  # by file, below
    listed = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    return [name for name in listed if own(getattr(module, name), module)]


def own(thing: Any, module: ModuleType) -> bool:
    """Whether a class or function was written in this module or in a file of its room."""
    return (inspect.isclass(thing) or inspect.isroutine(thing)) and thing.__module__.startswith(module.__name__)


def add(found: dict[str, Entry], name: str, thing: Any) -> None:
    if inspect.isclass(thing) or inspect.isroutine(thing):
        home = f"{thing.__module__}.{thing.__qualname__}"
        found.setdefault(home, Entry(name, home, thing))


def kernel_files() -> list[str]:
    """The files of kernels, by their names."""
    folder = Path(gn.kernels.__file__ or "").parent
    return sorted(path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "registry"))


def write(folder: Path, language: int) -> list[str]:
    """Writes a page for each room, 0 in English, 1 in Chinese, and returns their file names in order."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = ["index.md"]
    lines = [("# Reference", "# 参考手册")[language], "", INTRODUCTION[language], ""]
    for room, inside in entries().items():
        heading = ROOMS.get(room, (room, room))[language]
        (folder / f"{room}.md").write_text(page(heading, inside), encoding="utf-8")
        pages.append(f"{room}.md")
        listed = ", ".join(f"[`{one.name}`]({room}.md#{one.home})" for one in inside)
        lines += [f"**[{heading}]({room}.md)**: {listed}", ""]
    for name in kernel_files():
        lines_of = [f"# {name}: {ROOMS['kernels'][language]}", "", f"::: glassnet.kernels.{name}", ""]
        (folder / f"kernels-{name}.md").write_text("\n".join(lines_of), encoding="utf-8")
    listed = ", ".join(f"[`{name}`](kernels-{name}.md)" for name in kernel_files())
    lines += [f"**{ROOMS['kernels'][language]}** (`gn.kernels`): {listed}", ""]
    (folder / "index.md").write_text("\n".join(lines), encoding="utf-8")
    return pages


def write_sources(folder: Path) -> None:
    """Copies the package as mkdocstrings wants it: an example's heading is the plural there, else it is a quotation."""
    package = Path(gn.__file__ or "").parent
    for path in [*package.rglob("*.py"), *package.rglob("*.pyi")]:
        target = folder / path.relative_to(package.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        target.write_text(re.sub(r"^( *)Example:$", r"\1Examples:", text, flags=re.MULTILINE), encoding="utf-8")


def page(heading: str, inside: list[Entry]) -> str:
    """A heading for each name, under which mkdocstrings puts signature, parameters, shapes, errors and examples."""
    parts = [f"# {heading}", ""]
    for entry in inside:
        parts += [f"::: {entry.home}", "    options:", f'      heading: "{entry.name}"', ""]
        if shown := example(entry):
            parts += ["```python", shown[0], "```", "", "```", shown[1].rstrip(), "```", ""]
    return "\n".join(parts)


EXAMPLES = (
    (
        gn.layers.Activation,
        'net = gn.Sequential({name}())\nnet.build(5, dtype="float64")\n'
        "print(net(np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])).round(3))",
    ),
    (
        gn.losses.Loss,
        "value, slope = {name}()(np.array([[0.5]]), np.array([[1.0]]))\nprint(round(value, 4), slope.round(4))",
    ),
    (
        gn.optimizers.Optimizer,
        "parameter = np.array([1.0])\n{name}(0.1).step(parameter, np.array([0.5]))\nprint(parameter.round(4))",
    ),
    (
        gn.optimizers.Step,
        "parameter = np.array([2.0])\nrule = gn.Chain({name}(0.1), gn.SGD(0.1))\n"
        "rule.step(parameter, np.array([0.5]))\nprint(parameter.round(4))",
    ),
    (
        gn.initializers.Initializer,
        "net = gn.Sequential(gn.Dense(3, weight_init={name}()))\nnet.build(2, seed=0)\n"
        "print(np.array(net[0].weight).round(2))",
    ),
)
"""What shows a thing of a family at work, where its source has no example: by base, the first that fits."""


def has_example(thing: Any) -> bool:
    """Whether its own source shows it at work; what its base says is another's."""
    return ">>>" in (getattr(thing, "__doc__", None) or "")


def example(entry: Entry) -> tuple[str, str] | None:
    """Code that uses a member of a family and what it prints; None where the source shows one, or it needs settings."""
    if not inspect.isclass(entry.thing) or has_example(entry.thing):
        return None
    for base, template in EXAMPLES:
        if issubclass(entry.thing, base) and entry.thing is not base:
            code, shown = template.format(name=entry.name), StringIO()
            try:
                with redirect_stdout(shown):
                    exec(code, {"gn": gn, "np": np})
            except (TypeError, gn.GlassnetError):
                return None
            return code, shown.getvalue()
    return None


INTRODUCTION = (
    "Every public name, as its source describes it: signature, arguments, shapes, errors, examples. `gn` is what "
    "`import glassnet as gn` makes it. The letters of shapes: N batch, D in, M out, C channels, H and W height and "
    "width, T time, K classes, F filters. The tests run the examples.",
    "所有公开的名字，内容直接取自源代码（英文）：签名、参数、形状、错误、示例。"
    "`gn` 指 `import glassnet as gn`。形状里的字母：N 批大小，D 输入，M 输出，C 通道，H、W 高和宽，T 时间，"
    "K 类别，F 滤波器。示例都由测试运行。",
)
