"""Quality on real loans and contacts: the layered model and the scorecard beside named peers, on the same folds."""
