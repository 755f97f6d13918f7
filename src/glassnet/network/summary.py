"""The table that ``net.summary()`` gives."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO

from glassnet.core.catalogues import translated
from glassnet.core.notebooks import table_html

HEADERS = ("path", "layer", "output", "parameters", "FLOPs a row")


@dataclass(frozen=True)
class Row:
    """One layer: its path, how it prints, its output's shape, its parameters and the FLOPs of a forward pass.

    ``not_trained`` says how many of the parameters no update moves, such as running statistics, and ``frozen`` how many
    of these because they are frozen.
    """

    path: str
    layer: str
    output: str
    parameters: int
    flops: int
    not_trained: int = 0
    frozen: int = 0


@dataclass(frozen=True)
class Summary:
    """All layers of a network; ``print`` it to see the table.

    Attributes:
        input: the shape of a batch, such as ``"(N, 64)"``.
        dtype: of the parameters.
        rows: a ``Row`` for each layer.
    """

    input: str
    dtype: str
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters in all."""
        return sum(row.parameters for row in self.rows)

    @property
    def not_trained(self) -> int:
        """Number of parameters that no update moves, such as running statistics."""
        return sum(row.not_trained for row in self.rows)

    @property
    def trained(self) -> int:
        """Number of parameters that training moves."""
        return self.parameters - self.not_trained

    @property
    def flops(self) -> int:
        """Floating-point operations of a forward pass for one row; a multiplication with its addition counts as 2."""
        return sum(row.flops for row in self.rows)

    def __str__(self) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_footer=True, title=translated(f"input {self.input}, {self.dtype}"))
        path, layer, output, parameters, flops = map(translated, HEADERS)
        table.add_column(path, footer=translated("total"))
        table.add_column(layer, overflow="fold")
        table.add_column(output)
        table.add_column(parameters, f"{self.parameters:,}", justify="right")
        table.add_column(flops, f"{self.flops:,}", justify="right")
        for row in self.rows:
            table.add_row(row.path, row.layer, row.output, f"{row.parameters:,}", f"{row.flops:,}")
        text = StringIO()
        console = Console(file=text, width=100, force_jupyter=False, color_system=None)
        console.print(table)
        frozen = sum(row.frozen for row in self.rows)
        parts = [(frozen, "frozen"), (self.not_trained - frozen, "running statistics")]
        reasons = [f"{count:,} {name}" for count, name in parts if count]
        if reasons:
            alone = reasons[0].partition(" ")[2] if len(reasons) == 1 else ", ".join(reasons)
            console.print(translated(f"  trained {self.trained:,}, not trained {self.not_trained:,} ({alone})"))
        return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines())

    def _repr_html_(self) -> str:
        rows = [(own.path, own.layer, own.output, f"{own.parameters:,}", f"{own.flops:,}") for own in self.rows]
        rows.append((translated("total"), "", "", f"{self.parameters:,}", f"{self.flops:,}"))
        below = translated(f"trained {self.trained:,}, not trained {self.not_trained:,}") if self.not_trained else ""
        above = translated(f"input {self.input}, {self.dtype}")
        return table_html([*map(translated, HEADERS)], rows, above=above, below=below, numbers=2)
