"""One module for each peer, each a program of its own: ``python -m benchmarks.peers.numpy_by_hand --case iris-mlp``."""
