"""``paidflow migrate``: creates the tables, and brings them up to date."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, refuse, say, table, told
from paidflow.store.contract import Store
from paidflow.store.names import PLAIN
from paidflow.store.opening import open_store


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(migrate))


def migrate(
    url: Annotated[
        str, typer.Option(envvar="PAIDFLOW_URL", help="The database, as PaidFlow.open takes it.")
    ],
    schema: Annotated[
        str, typer.Option(envvar="PAIDFLOW_SCHEMA", help="A schema of PostgreSQL.")
    ] = "",
    prefix: Annotated[
        str, typer.Option(envvar="PAIDFLOW_PREFIX", help="What the names of the tables begin with.")
    ] = PLAIN.prefix,
    contract: Annotated[
        bool, typer.Option(help="Also take away what only older programs need.")
    ] = False,
    plan: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
    status: Annotated[bool, typer.Option(help="Only say which version is there.")] = False,
    sql: Annotated[bool, typer.Option(help="Only print the SQL that would be run.")] = False,
    grant: Annotated[
        str, typer.Option(metavar="ROLE", help="Give this role of PostgreSQL what paidflow does.")
    ] = "",
) -> None:
    """Create the tables of paidflow, or bring them up to date.

    What adds to the tables is done at once: programs of before go on working. What takes away is
    left until --contract. With --status the exit code is 1 when something is to be done.
    """
    with closing(open_store(url, schema=schema or None, prefix=prefix, connections_max=2)) as store:
        if status:
            _status(store)
        elif plan:
            _plan(store, contract)
        elif sql:
            say(store.migrations.script(store.schema(), contract=contract).rstrip())
            if grant:
                role = "'" + grant.replace("'", "''") + "'"
                say(store.names.fill(f"select paidflow_grant({role});"))
        else:
            _apply(store, contract, grant)


def _status(store: Store) -> None:
    known, found = store.migrations, store.schema()
    say(f"version {found.version}, needed {known.needed}, known {known.steps[-1].version}")
    rows = [
        (step.version, step.phase, "done" if step.version <= found.version else "to do")
        for step in known.steps
    ]
    table(("version", "phase", "state"), rows)
    if known.is_stale(found):
        say("functions: to be created again")
    if known.pending(found, contract=False) or known.is_stale(found):
        raise typer.Exit(FAILED)


def _plan(store: Store, contract: bool) -> None:
    found = store.schema()
    pending = store.migrations.pending(found, contract=contract)
    for step in pending:
        say(f"{step.version:04} {step.phase}")
    if store.migrations.is_stale(found):
        say("functions are created again")
    elif not pending:
        say("nothing to do")
    left = store.migrations.pending(found, contract=True)[len(pending) :]
    for step in left:
        say(f"{step.version:04} {step.phase}: only with --contract, when no older program runs")


def _apply(store: Store, contract: bool, grant: str) -> None:
    found = store.schema()
    pending = store.migrations.pending(found, contract=contract)
    taken = [step.version for step in pending if step.phase == "contract"]
    if taken and not contract and found.version:
        refuse(
            f"Version {taken[0]} takes away what older programs need, and has to come first:"
            " stop them, then run paidflow migrate --contract."
        )
    done = store.migrate(contract=contract)
    for step in done:
        say(f"{step.version:04} {step.phase}: done")
    store.check()
    if grant:
        with store.transaction("grant") as tx:
            tx.execute(store.names.fill("select paidflow_grant(:role)"), role=grant)
        say(f"{grant} has what paidflow does")
    say(f"the tables have version {store.schema().version}")
