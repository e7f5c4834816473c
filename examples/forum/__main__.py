"""Opens the forum at http://127.0.0.1:8000: ``python -m examples.forum FOLDER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn

from examples.forum.gateways import WrongSetting
from examples.forum.seed import seeded
from examples.forum.site import site
from paidflow.errors import InvalidConfiguration

HINTS = """
The forum is at {url}, and is paid at {gateway}. What to try:
  1. Be Ann (at the top), write a post, and look at it as Bob in another window: he sees nothing.
  2. Pay in the panel with a cheat button: Bob sees the post at once, and Ann may edit it.
  3. Let an invoice expire, and try again: from the item, or from the notifications.
  4. Log out and write a comment: it is paid first ("hold": slowly), and then written.
  5. Zap with credits (wallet): no invoice at all, and five seconds to take it back.
  6. Be Ann, attach a wallet (wallet), and be zapped by Bob when his credits are gone: it has it.
  7. Be Dave: pay his bounty for an answer, and change the terms of his territory.
  8. Be Dave, and open {url}/operator/: how the payments are, and what waits for a person.
Ctrl-C ends it; what was written stays for the next time, `make demo-reset` clears it.
"""


def main() -> None:
    """Open it, fill it the first time, and serve it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo")
    folder.mkdir(parents=True, exist_ok=True)
    port = int(os.environ.get("PORT", "8000"))
    try:
        forum = seeded(folder, url=os.environ.get("DATABASE_URL"), settings=os.environ)
    except (InvalidConfiguration, WrongSetting) as error:
        sys.exit(str(error))
    print(HINTS.format(url=f"http://127.0.0.1:{port}", gateway=forum.payments.name), flush=True)
    try:
        uvicorn.run(site(forum), port=port, log_level="warning", timeout_graceful_shutdown=1)
    finally:
        forum.close()


if __name__ == "__main__":
    main()
