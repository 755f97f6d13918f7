"""Models for other programs and from them: ONNX files, PyTorch modules and their weights, C source."""

from glassnet.interop.c.source import export_c
from glassnet.interop.onnx.file import OnnxReport, export_onnx
from glassnet.interop.onnx.importing import from_onnx
from glassnet.interop.state import load_state
from glassnet.interop.torch.exporting import to_torch
from glassnet.interop.torch.importing import from_torch

__all__ = ["OnnxReport", "export_c", "export_onnx", "from_onnx", "from_torch", "load_state", "to_torch"]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
