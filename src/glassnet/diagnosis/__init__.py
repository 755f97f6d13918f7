"""What ails a training: dead units, lost gradients, unscaled inputs, too little learned or too much; what to try."""

from glassnet.diagnosis.data import nothing_to_learn
from glassnet.diagnosis.finding import Finding
from glassnet.diagnosis.hints import hints
from glassnet.diagnosis.rates import RateTest

__all__ = ["Finding", "RateTest", "hints", "nothing_to_learn"]
