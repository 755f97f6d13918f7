"""Training: the loop, its batches, its record and what may happen after each epoch."""

from glassnet.training.batches import Rows, batches, epoch_order, validation_rows
from glassnet.training.callbacks import Callback, TrainingState, named_apart
from glassnet.training.checkpoint import Checkpoint
from glassnet.training.engines import engine_class
from glassnet.training.fit_settings import FitSettings, differences
from glassnet.training.given_callbacks import as_callbacks
from glassnet.training.gradients import Gradients, loss_gradients, propagate, trained_gradients
from glassnet.training.history import History, require_picture
from glassnet.training.kept_files import member_path, newest_good, older
from glassnet.training.latest_fit import LatestFit, Memories, TrainingPosition
from glassnet.training.loop import Trainer
from glassnet.training.monitors import EarlyStopping, ReduceOnPlateau
from glassnet.training.own_memory import own_things, put_back_into, what_cannot_be_put_back
from glassnet.training.parts import own_parts
from glassnet.training.prediction import Predictor
from glassnet.training.progress import is_watched
from glassnet.training.stepping import Stepper
from glassnet.training.streamed import Data, Streamed
from glassnet.training.trial import example_rows, plan_of
from glassnet.training.watch import Watch
from glassnet.training.watch_record import Distribution, WatchRecord

__all__ = [
    "Callback",
    "Checkpoint",
    "Data",
    "Distribution",
    "EarlyStopping",
    "FitSettings",
    "Gradients",
    "History",
    "LatestFit",
    "Memories",
    "Predictor",
    "ReduceOnPlateau",
    "Rows",
    "Stepper",
    "Streamed",
    "Trainer",
    "TrainingPosition",
    "TrainingState",
    "Watch",
    "WatchRecord",
    "as_callbacks",
    "batches",
    "differences",
    "engine_class",
    "epoch_order",
    "example_rows",
    "is_watched",
    "loss_gradients",
    "member_path",
    "named_apart",
    "newest_good",
    "older",
    "own_parts",
    "own_things",
    "plan_of",
    "propagate",
    "put_back_into",
    "require_picture",
    "trained_gradients",
    "validation_rows",
    "what_cannot_be_put_back",
]
