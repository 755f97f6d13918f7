"""Files on disk: the model's own format, written whole or not at all."""

from glassnet.formats.atomic import require_writable, write_atomically
from glassnet.formats.model_file import OPTIMIZER_PREFIX, read_model_file, write_model_file

__all__ = ["OPTIMIZER_PREFIX", "read_model_file", "require_writable", "write_atomically", "write_model_file"]
