"""The live executor: events one by one or a few at a time, labels as of now."""
