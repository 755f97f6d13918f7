"""The model's file."""

from glassnet.formats.description import ModelParts, describe, reconstruct
from glassnet.formats.ensembles import describe_ensemble, members_of
from glassnet.formats.fingerprint import fingerprint
from glassnet.formats.memories import read_memories
from glassnet.formats.model_file import ENSEMBLE, contradiction, read_description, read_model_file, write_model_file
from glassnet.formats.proof import own_parts_of, require_whole
from glassnet.formats.sharing import describe_sharing
from glassnet.formats.written import Written, in_words, written_of

__all__ = [
    "ENSEMBLE",
    "ModelParts",
    "Written",
    "contradiction",
    "describe",
    "describe_ensemble",
    "describe_sharing",
    "fingerprint",
    "in_words",
    "members_of",
    "own_parts_of",
    "read_description",
    "read_memories",
    "read_model_file",
    "reconstruct",
    "require_whole",
    "write_model_file",
    "written_of",
]
