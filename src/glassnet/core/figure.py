"""The figure that pictures are drawn on. Importing this file imports matplotlib."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

from glassnet.core.notebooks import framed
from glassnet.core.svg import inline_svg


class Picture(Figure):
    """matplotlib's figure, which a notebook shows by itself: in the colours of its theme, or as a PNG where it must."""

    def _repr_html_(self) -> str:
        return framed(inline_svg(self))

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.savefig(content, format="png", dpi=110)
        return content.getvalue()
