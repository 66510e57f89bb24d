"""A simulated bank with planted truth: payments, statements, fraud and default, the same bytes for the same seed.

It stands beside the house: it writes the files a bank would deliver, and nothing but the demo imports it.
It never reads the clock, never reads a file, and never puts the planted truth into a file that a bank would have.
The causal story and every column: docs/simulated-bank.md.
"""

from tallystick.sim.bank import Bank, simulate
from tallystick.sim.files import write, write_bank

__all__ = ["Bank", "simulate", "write", "write_bank"]
