"""Metrics of how surprising the right class was: what language models are measured by."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels.functions import log_floor
from glassnet.losses import CrossEntropy, Loss
from glassnet.metrics.base import _MeanOverRows


class _OfCrossEntropy(_MeanOverRows):
    """Base of the metrics that are a function of the mean of −log p of what was right."""

    def check(self, loss: Loss) -> None:
        """Refuses other losses than a cross-entropy.

        Raises:
            ConfigurationError: it is another.
        """
        if not isinstance(loss, CrossEntropy):
            raise ConfigurationError(
                where=f"metric {self.name}",
                received=f"the loss {loss!r}",
                expected="CrossEntropy, whose outputs are probabilities of one class out of several",
                fix=f"drop metrics=[{self.name!r}], or train with gn.losses.CrossEntropy()",
            )

    def by_row(self, outputs: Array, targets: Array, loss: Loss) -> Array:
        """−Σ_k t_k log p_k of each row, or step, in nats; label smoothing is no part of it."""
        assert isinstance(loss, CrossEntropy)
        dtype = outputs.dtype
        log_p = outputs.astype(np.float64)
        if loss.from_logits:
            log_p -= log_p.max(axis=1, keepdims=True)
            log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        else:
            log_p = np.log(np.maximum(log_p, log_floor(dtype)))
        if targets.ndim == 1:
            return np.asarray(-log_p[np.arange(len(log_p)), targets])
        return np.asarray(-np.sum(log_p * targets, axis=1, where=targets > 0))


class Perplexity(_OfCrossEntropy):
    """e^H of the mean cross-entropy H in nats: among how many equally probable classes the answer seems to be chosen.

    K for K equal probabilities, 1 where every answer is sure and right. For outputs of steps the mean runs over all
    steps, by their weights. Lower is better.

    Source: F. Jelinek et al., "Perplexity – a measure of the difficulty of speech recognition tasks", Journal of the
    Acoustical Society of America 62 (1977).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> logits, labels = np.zeros((2, 8)), np.array([3, 5])  # of eight characters each seems as likely
        >>> round(gn.metrics.Perplexity().compute(logits, labels, gn.losses.CrossEntropy(), None), 6)
        8.0
    """

    name = "perplexity"

    def of_mean(self, mean: float) -> float:
        """The exponential of the (weighted) mean; infinite beyond all numbers."""
        return exp(mean) if mean < log(np.finfo(np.float64).max) or np.isnan(mean) else inf


class BitsPerCharacter(_OfCrossEntropy):
    """The mean cross-entropy in bits, H / ln 2: of a text what each of its characters takes in the shortest code.

    Lower is better; of K equally probable characters log₂ K.

    Source: C. Shannon, "Prediction and entropy of printed English", Bell System Technical Journal 30 (1951).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> logits, labels = np.zeros((2, 8)), np.array([3, 5])  # of eight characters each seems as likely
        >>> round(gn.metrics.BitsPerCharacter().compute(logits, labels, gn.losses.CrossEntropy(), None), 6)
        3.0
    """

    name = "bits_per_character"

    def of_mean(self, mean: float) -> float:
        """The (weighted) mean over ln 2."""
        return mean / log(2)
