"""Many models at once: trained side by side, one whole training in each thread; and averaged."""

from glassnet.many.answers import predict_many
from glassnet.many.each import Each
from glassnet.many.ensemble import Ensemble
from glassnet.many.fitting import fit_many
from glassnet.many.loading import as_one_model, load, load_as_one

__all__ = ["Each", "Ensemble", "as_one_model", "fit_many", "load", "load_as_one", "predict_many"]
