"""Many models at once: trained side by side, one whole training in each thread."""

from glassnet.many.answers import predict_many
from glassnet.many.each import Each
from glassnet.many.fitting import fit_many

__all__ = ["Each", "fit_many", "predict_many"]
