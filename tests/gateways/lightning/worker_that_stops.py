"""A worker in a process of its own that says where it is at a point, and goes no further.

``python -m tests.gateways.lightning.worker_that_stops POINT URL`` reads the settings of the adapter
as JSON from its input, and is meant to be killed.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from paidflow import Worker, checkpoints
from paidflow.payments.lnd import Lnd, Network
from tests.gateways.lightning.support import SECRET
from tests.wall import open_wall


def main(point: str, url: str, settings: dict[str, Any]) -> None:
    lnd = Lnd(
        settings["url"],
        macaroon=Path(settings["macaroon"]),
        tls_certificate=Path(settings["tls_certificate"]),
        account=settings["account"],
        secret=SECRET,
        network=Network.REGTEST,
    )

    def stop(reached: str) -> None:
        if reached == point:
            print(point, flush=True)
            threading.Event().wait()

    with open_wall(url, {"lnd": lnd}, create=False) as flow:
        checkpoints.observe(stop)
        Worker(flow, poll_s=0.1).run_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.load(sys.stdin))
