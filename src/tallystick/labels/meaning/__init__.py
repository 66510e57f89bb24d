"""What facts, filters, windows and arithmetic mean: the same for every executor."""
