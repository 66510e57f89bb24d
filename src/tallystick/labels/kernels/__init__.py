"""Compiled kernels of labels: visibility, exact wide integers, and the folds of the algebra."""
