"""Layers are found in their files; type checkers are told of the same files."""

from __future__ import annotations

import ast
from pathlib import Path

import glassnet as gn

FOLDER = Path(gn.layers.__file__).parent


def test_type_checkers_read_every_file_with_a_layer() -> None:
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    read = {node.module for node in block.body if isinstance(node, ast.ImportFrom)}
    public = {getattr(gn.layers, name).__module__ for name in gn.layers.__all__ if name != "ACTIVATIONS"}
    assert read == public - {gn.Layer.__module__}


def test_names_stand_for_activations() -> None:
    assert {gn.layers.ACTIVATIONS[name] for name in ("relu", "leaky_relu", "relu6", "silu")} == {
        gn.ReLU, gn.LeakyReLU, gn.ReLU6, gn.SiLU
    }  # fmt: skip
    activations = {name for name in gn.layers.__all__ if _is_activation(getattr(gn.layers, name))}
    assert {layer.__name__ for layer in gn.layers.ACTIVATIONS.values()} == activations


def _is_activation(thing: object) -> bool:
    base = gn.layers.Activation
    return isinstance(thing, type) and issubclass(thing, base) and thing is not base
