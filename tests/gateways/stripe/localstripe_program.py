"""Runs localstripe on loopback; its own program listens everywhere and writes a file in a folder
that is shared by all. Started with the Python of localstripe's environment, as
``python localstripe_program.py PORT``.
"""

import sys

from aiohttp import web
from localstripe import resources, server


def forget(store: object) -> None:
    """Write nothing to disk."""


resources.Store.dump_to_disk = forget
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
