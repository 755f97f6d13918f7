"""The curve of a training that a notebook shows while it goes on."""

from __future__ import annotations

from time import perf_counter

from glassnet.core.catalogues import translated
from glassnet.core.notebooks import Output, curves_html

REFRESH_SECONDS = 0.25
SHOWN = ("loss", "val_loss")


def in_words(name: str, language: str | None = None) -> str:
    """A measure's name for those who watch: as it is in English, elsewhere by the words for it, if there are some.

    Example:
        >>> in_words("val_accuracy", "zh"), in_words("my_metric", "zh"), in_words("val_accuracy", "en")
        ('验证准确率', 'my_metric', 'val_accuracy')
    """
    plain = name.removeprefix("val_")
    words = translated(plain.replace("_", " "), language)
    if words == plain.replace("_", " "):
        return name
    return words if plain == name else translated("validation", language) + words


def counted(of: str, number: int, last: int) -> str:
    """How far it is, in the language that was chosen.

    Args:
        of: what is counted: "epoch", "trial" or "model".
        number: the one that is in hand.
        last: the last one.

    Example:
        >>> counted("epoch", 3, 20)
        'epoch 3/20'
    """
    where = f"{number}/{last}"
    texts = {"epoch": f"epoch {where}", "trial": f"trial {where}", "model": f"model {where}"}
    return translated(texts[of])


class LiveCurve:
    """Loss and validation loss by epoch, drawn anew a few times a second.

    Args:
        output: where it is shown.
        epochs: first and last of the fit.
        of: what is counted, where that is no epochs.
    """

    def __init__(self, output: Output, epochs: tuple[int, int], of: str) -> None:
        self._output, self._epochs, self._of = output, epochs, of
        self._curves: dict[str, list[float]] = {}
        self._last = ""
        self._shown_at = 0.0

    def epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Takes what an epoch measured, and draws it if the last picture is not too new."""
        for name in SHOWN:
            if name in logs:
                self._curves.setdefault(name, []).append(float(logs[name]))
        others = (
            f"{in_words(name)} {value:.4g}" for name, value in logs.items() if name not in (*SHOWN, "learning_rate")
        )
        self._last = "  ".join([counted(self._of, epoch, self._epochs[1]), *others])
        if perf_counter() - self._shown_at > REFRESH_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draws what there is."""
        self._shown_at = perf_counter()
        if self._last:
            curves = {in_words(name): curve for name, curve in self._curves.items()}
            self._output.show(curves_html(self._last, curves, self._epochs[0]))
