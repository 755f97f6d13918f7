"""ONNX files: written from models, and read as models."""
