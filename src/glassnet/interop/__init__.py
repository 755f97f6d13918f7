"""Models for other programs and from them: ONNX files, PyTorch modules and their weights, C source."""

from glassnet.interop.c_source import export_c
from glassnet.interop.onnx_file import OnnxReport, export_onnx
from glassnet.interop.onnx_import import from_onnx
from glassnet.interop.state import load_state
from glassnet.interop.torch_export import to_torch
from glassnet.interop.torch_import import from_torch

__all__ = ["OnnxReport", "export_c", "export_onnx", "from_onnx", "from_torch", "load_state", "to_torch"]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
