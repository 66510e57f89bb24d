"""Segments: who has which label value, on Roaring bitmaps; versioned and as-of like a label."""

from tallystick.labels.segments.members import Members, Overlap, overlap
from tallystick.labels.segments.store import Build, Segment, Segments, define

__all__ = ["Build", "Members", "Overlap", "Segment", "Segments", "define", "overlap"]
