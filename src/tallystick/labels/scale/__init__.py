"""More history than memory: labels by partitions of keys on disk. `labels.scale.spark` does the same on Spark."""

from tallystick.labels.scale.partitions import Report, at_partitions

__all__ = ["Report", "at_partitions"]
