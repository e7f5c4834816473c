"""paidflow over HTTP, for FastAPI. Needs ``paidflow[web]``."""

from paidflow.web.rate import Rate
from paidflow.web.router import router

__all__ = ["Rate", "router"]
