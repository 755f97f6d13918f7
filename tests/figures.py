"""Whether a figure can be read."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def assert_texts_are_apart(figure: Figure) -> None:
    """No two texts of the figure overlap, and all lie inside it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [*figure.texts, *([figure._suptitle] if getattr(figure, "_suptitle", None) else [])]
    for axes in figure.axes:
        labels = [axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            labels += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            labels += [tick.label2 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts += [*axes.texts, axes.title, *(labels if axes.axison else [])]
    boxes = {
        text: text.get_window_extent(renderer)
        for text in dict.fromkeys(texts)
        if text.get_text() and text.get_visible() and text.get_rotation() in (0, 90)
    }
    for text, box in boxes.items():
        assert box.x0 > -1 and box.y0 > -1, text  # noqa: PT018
        assert box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1, text  # noqa: PT018
        for other, its in boxes.items():
            overlap = min(box.x1, its.x1) - max(box.x0, its.x0), min(box.y1, its.y1) - max(box.y0, its.y0)
            assert text is other or min(overlap) < 0.5, (text, other)
