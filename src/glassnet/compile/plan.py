"""The table that ``model.plan()`` gives: a compiled program, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import Any

from glassnet.compile.arena import Arena
from glassnet.compile.items import Item
from glassnet.compile.stages import Group, Stage
from glassnet.core.notebooks import text_html
from glassnet.core.places import place_of
from glassnet.core.shapes import Array


@dataclass(frozen=True)
class PlanLine:
    """One instruction.

    Attributes:
        stage: number of the stage, from 1; stages follow each other.
        group: letter of the group in its stage. Each piece of the indices goes through all lines of a group in turn.
        pieces: how many pieces the group is cut into, each for any thread.
        instruction: name of the kernel; ``"gather"`` copies shuffled rows into the batch, ``"collect"`` outputs out.
        layer: path of the layer, ``"loss"`` or ``"optimizer"``.
        shapes: of the arrays, ``"x (32, 64), weight (64, 128), ..."``.
        bytes: that the arrays take.
        flops: about how many floating-point operations it takes.
        in_python: whether it calls back to Python.
        in_place: whether it writes over what it reads.
    """

    stage: int
    group: str
    pieces: int
    instruction: str
    layer: str
    shapes: str
    bytes: int
    flops: int
    in_python: bool
    in_place: bool


@dataclass(frozen=True)
class Plan:
    """A compiled training step; ``print`` it to see the table.

    Attributes:
        batch_rows: rows of the batch.
        dtype: of the computation.
        lines: the instructions in their order.
        memory: bytes of the program's memory.
        requested: bytes that its buffers would take if none shared a place.
        checked_after: the stage after which the loss is known, and a step that diverged ends.
        python_parts: which parts of the user's own run in Python, and why.
    """

    batch_rows: int
    dtype: str
    lines: tuple[PlanLine, ...]
    memory: int
    requested: int
    checked_after: int
    python_parts: tuple[str, ...] = ()

    @property
    def flops(self) -> int:
        """About how many floating-point operations a step takes."""
        return sum(line.flops for line in self.lines)

    @property
    def in_python(self) -> tuple[PlanLine, ...]:
        """The lines that call back to Python."""
        return tuple(line for line in self.lines if line.in_python)

    def __str__(self) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        title = (
            f"a training step of {self.batch_rows} rows, {self.dtype}: {self.memory:,} bytes of memory "
            f"({self.requested:,} without sharing), {self.flops:,} FLOPs"
        )
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        for name in ("stage", "pieces", "instruction", "layer", "arrays"):
            table.add_column(name, overflow="fold", justify="right" if name == "pieces" else "left")
        table.add_column("bytes", justify="right")
        table.add_column("FLOPs", justify="right")
        table.add_column("")
        before: tuple[int, str] | None = None
        for line in self.lines:
            place = line.stage, line.group
            starts = place != before
            before = place
            remark = "in Python" if line.in_python else "in place" if line.in_place else ""
            table.add_row(
                f"{line.stage}{line.group}" if starts else "│",
                str(line.pieces) if starts else "",
                line.instruction,
                line.layer,
                line.shapes,
                f"{line.bytes:,}",
                f"{line.flops:,}",
                remark,
            )
        text = StringIO()
        console = Console(file=text, width=130, force_jupyter=False, color_system=None)
        console.print(table)
        console.print(
            "Lines joined by │ are fused: a piece of the rows (or of the parameters) goes through all of them while "
            f"it is in cache. After stage {self.checked_after} the step ends if the loss is not finite."
        )
        for part in self.python_parts:
            console.print(f"In Python: {part}", markup=False, highlight=False)
        return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines())

    def _repr_html_(self) -> str:
        return text_html(str(self))


def make_plan(stages: list[Stage], arena: Arena, *, batch_rows: int, dtype: str, checked_at: int) -> Plan:
    """Describes a program.

    Args:
        stages: what it does.
        arena: its memory.
        batch_rows: rows of the batch.
        dtype: of the computation.
        checked_at: number of the stage, from 0, after which the loss is known.
    """
    lines = []
    for number, stage in enumerate(stages, start=1):
        for place, group in enumerate(stage.groups):
            letter = chr(ord("a") + place % 26) * (1 + place // 26)
            lines += [_line(number, letter, group, item, arena) for item in group.items]
    return Plan(batch_rows, dtype, tuple(lines), arena.memory.nbytes, arena.requested, checked_at + 1)


def _line(stage: int, letter: str, group: Group, item: Item, arena: Arena) -> PlanLine:
    arrays = {name: part for name, array in item.arrays.items() for part in _parts(array)}
    shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())
    written = [] if item.call is None else [n for n in item.call.kernel.writes if n in arrays]
    places = {name: place_of(arena.view(array)) for name, array in arrays.items()}
    in_place = any(places[w] == places[n] for w in written for n in arrays if n not in written)
    return PlanLine(
        stage,
        letter,
        group.pieces,
        item.name,
        item.path,
        shapes,
        sum(array.nbytes for array in arrays.values()),
        item.flops,
        item.in_python,
        in_place,
    )


def _parts(array: Any) -> list[Array]:
    if array is None:
        return []
    return list(array) if isinstance(array, list) else [array]
