# ruff: noqa: F401  # the page uses these names
import os

import psycopg

from paidflow import Context, Money, PaidAction, PaidFlow, Row, sats
from paidflow.payments.sandbox import SandboxGateway

url = os.environ["DATABASE_URL"]
bank = SandboxGateway("bank.db", sandbox=True)
secret = "sixteen bytes or more, from your settings"
with psycopg.connect(url) as connection:
    connection.execute("create table posts (id text primary key, text text)")
PaidFlow.open(url, actions=[], gateways={}, secret=secret, create=True).close()
