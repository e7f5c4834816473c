"""``python -m paidflow.cli`` is the same as ``paidflow``."""

from paidflow.cli import main

main()
