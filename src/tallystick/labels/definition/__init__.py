"""How labels are written, checked and turned into a plan."""
