"""A read replica in Redis or Valkey: other processes ask for labels and get the writer's bits."""

from tallystick.labels.replica.publish import Publisher
from tallystick.labels.replica.replica import Replica

__all__ = ["Publisher", "Replica"]
