"""paidflow over HTTP, for FastAPI. Needs ``paidflow[web]``."""

from paidflow.web.paid import answer_problems, paid
from paidflow.web.rate import Rate
from paidflow.web.router import router

__all__ = ["Rate", "answer_problems", "paid", "router"]
