"""A page about a trained model: how good it is, where it errs, what it was made from."""

from glassnet.reports.document import report
from glassnet.reports.pictures import can_draw

__all__ = ["can_draw", "report"]
