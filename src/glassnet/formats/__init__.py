"""Files on disk: the model's own format, written whole or not at all."""

from glassnet.formats.atomic import require_writable, write_atomically
from glassnet.formats.description import ModelParts, describe, reconstruct
from glassnet.formats.model_file import read_model_file, write_model_file

__all__ = [
    "ModelParts",
    "describe",
    "read_model_file",
    "reconstruct",
    "require_writable",
    "write_atomically",
    "write_model_file",
]
