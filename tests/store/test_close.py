"""A SQLite store is closed while others read; a process of its own, because it could crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys, threading, time
from paidflow.store.sqlite import SqliteStore

COUNT = '''with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)
select count(*) as total from n'''

def read(store):
    try:
        while True:
            with store.reading() as tx:
                tx.execute(COUNT).fetchall()
    except Exception as error:
        said.add(str(error))

said = set()
for number in range(20):
    store = SqliteStore(f"{sys.argv[1]}/{number}.db", synchronous="OFF")
    store.create()
    readers = [threading.Thread(target=read, args=[store]) for _ in range(4)]
    for reader in readers:
        reader.start()
    time.sleep(0.03)
    store.close()
    for reader in readers:
        reader.join()
assert all("closed" in text for text in said), said
print("all have ended")
"""


def test_whoever_still_reads_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "all have ended\n"), done.stderr
