"""What every room stands on: errors, shapes, settings, checks, parameters, randomness, files, splits."""
