"""Monitoring: what development looked like, and how far later months have moved from it."""

from tallystick.models.monitoring.fingerprint import Distribution, Fingerprint, fingerprint, shift
from tallystick.models.monitoring.watch import Alarm, LabelShift, Watch, WatchMonth, watch

__all__ = [
    "Alarm",
    "Distribution",
    "Fingerprint",
    "LabelShift",
    "Watch",
    "WatchMonth",
    "fingerprint",
    "shift",
    "watch",
]
