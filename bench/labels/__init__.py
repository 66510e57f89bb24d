"""Labels beside named peers: `python -m bench labels`."""
