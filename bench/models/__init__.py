"""Models beside named peers: `python -m bench models`."""
