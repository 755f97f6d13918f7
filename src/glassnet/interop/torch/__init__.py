"""PyTorch: its modules from models, and models from its modules and their weights."""
