"""Data: sources.toml → typed, checked Delta tables with a quarantine; every snapshot can be read again.

This room never invents, rounds or loses a row: what breaks a rule lies in the quarantine with its reason, file and
line. It never computes a label and never decides.
"""

from tallystick.data.declare import read_sources
from tallystick.data.erase import Erasing, delivered_texts, erase_deliveries, mentions
from tallystick.data.event import EventError, parse_event
from tallystick.data.feed import Delivery, Feed, FeedQuarantine, InstallHint, read_quarantine
from tallystick.data.filefeed import FileFeed
from tallystick.data.kafka import KafkaFeed
from tallystick.data.lake import Lake, LoadReport
from tallystick.data.nats import NatsFeed
from tallystick.data.source import Check, Melt, Period, Source

__all__ = [
    "Check",
    "Delivery",
    "Erasing",
    "EventError",
    "Feed",
    "FeedQuarantine",
    "FileFeed",
    "InstallHint",
    "KafkaFeed",
    "Lake",
    "LoadReport",
    "Melt",
    "NatsFeed",
    "Period",
    "Source",
    "delivered_texts",
    "erase_deliveries",
    "mentions",
    "parse_event",
    "read_quarantine",
    "read_sources",
]
