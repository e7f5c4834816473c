"""Imports inside paidflow point down the floors, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
PACKAGE = "paidflow"

# From the ground up. A name stands for the module and for everything below it; the longest
# name wins. `x.__init__` is the package's own file, which runs before anything in the package.
FLOORS = (
    (
        *("money", "errors", "clock", "ids", "keyring", "checkpoints", "correlation", "spans"),
        "secure_url",
    ),
    # How accounts are called; who only knows their names knows nothing of a ledger.
    ("ledger.accounts",),
    ("states",),
    (
        *("actions.contract", "actions.__init__"),
        *("payments.contract", "payments.quotes", "payments.wrapped", "payments.__init__"),
    ),
    ("ledger", "store"),
    ("flow",),
    ("tasks",),
    ("automatic_retry",),
    ("worker", "views", "outgoing", "payments", "actions"),
    ("forum_tasks",),
    ("forum",),
    ("operating",),
    ("web", "contrib", "cli", "testing"),
    ("__init__",),
)

# Imports that stay on their floor but leave their package.
NEIGHBOURS = {
    "money": {"errors"},
    "errors": {"money"},
    "clock": {"errors", "money"},
    "ids": {"clock", "errors", "money"},
    "keyring": {"errors", "money"},
    "checkpoints": {"errors", "money"},
    "correlation": {"errors"},
    "secure_url": {"errors"},
    "actions.contract": {"payments.contract", "payments.__init__"},
    "store": {"ledger"},
    "views": {"actions"},
}

# The interfaces of the eventsourcing library; the library's users import them, nobody else does.
EVENTSOURCING = {
    "store.eventlog",
    "store.failures",
    "store.mapper",
    "store.persistence",
    "store.streams",
    "store.subscription",
    "store.tracking",
}

# Module name, e.g. "store.postgres" or "states.__init__", to its source text.
Sources = Mapping[str, str]

# A made-up package to try the checks on.
EXAMPLE = """
    __init__ actions.__init__ actions.catalogue actions.contract checkpoints cli clock errors flow
    flow_retry ids keyring ledger.__init__ ledger.book ledger.page money payments.__init__
    payments.card payments.contract payments.wallet states.__init__ states.machine
    store.__init__ store.memory testing views web.app worker
"""
BUILDING = dict.fromkeys(EXAMPLE.split(), "")

PROBE = """
import dataclasses, importlib, logging, sys
LOGGERS = ("psycopg", "psycopg.pool")
def levels():
    return {name: logging.getLogger(name).level for name in LOGGERS}
process_class, before = dataclasses._process_class, levels()
importlib.import_module(sys.argv[1])
optional = set(sys.argv[2:])
loaded = sorted(name for name in sys.modules if name.partition(".")[0] in optional)
assert not loaded, f"loads {loaded}"
assert dataclasses._process_class is process_class, "replaces dataclasses._process_class"
assert levels() == before, f"changes the levels of loggers: {levels()}"
"""


def read_sources() -> dict[str, str]:
    root = SRC / PACKAGE
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def canonical(name: str, modules: Sources) -> str:
    """The module's own file: a package `x` is `x.__init__`."""
    package_file = f"{name}.__init__" if name else "__init__"
    return package_file if package_file in modules else name


def absolute(importer: str, node: ast.ImportFrom) -> str:
    """The full dotted name an import starts from, e.g. "paidflow.store"."""
    if not node.level:
        return node.module or ""
    parts = [PACKAGE, *importer.split(".")][: -node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])


def imported_names(importer: str, source: str) -> Iterator[tuple[str, str | None]]:
    """Each import wherever it stands, as (dotted name, name taken from it)."""
    for node in ast.walk(ast.parse(source, filename=importer)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(importer, node)
            yield from ((base, alias.name) for alias in node.names)


def own_imports(importer: str, modules: Sources) -> Iterator[str]:
    """The modules of paidflow this one imports."""
    for base, taken in imported_names(importer, modules[importer]):
        if base != PACKAGE and not base.startswith(f"{PACKAGE}."):
            continue
        name = base.removeprefix(PACKAGE).removeprefix(".")
        inner = canonical(f"{name}.{taken}".removeprefix("."), modules)
        yield inner if taken and inner in modules else canonical(name, modules)


def place(module: str) -> tuple[int, str] | None:
    """The floor and the name on it this module belongs to."""
    found = [
        (floor, name)
        for floor, names in enumerate(FLOORS)
        for name in names
        if module == name
        or (name != "__init__" and module.startswith(f"{name}."))
        or (name == "flow" and module.startswith("flow"))
    ]
    return max(found, key=lambda entry: len(entry[1]), default=None)


def may_import(importer: tuple[int, str], imported: tuple[int, str]) -> bool:
    (floor, name), (other_floor, other) = importer, imported
    if floor != other_floor:
        return other_floor < floor
    same_package = name.split(".")[0] == other.split(".")[0]
    return same_package or other in NEIGHBOURS.get(name, set())


def violations(modules: Sources) -> list[str]:
    found = [
        f"{module} is on no floor: add it to FLOORS in tests/test_layers.py"
        for module in modules
        if not place(module)
    ]
    for importer in modules:
        for imported in own_imports(importer, modules):
            here, there = place(importer), place(imported)
            if not there and imported not in modules:
                found.append(
                    f"{importer} imports {imported}, which is on no floor: "
                    "add it to FLOORS in tests/test_layers.py"
                )
            elif here and there and not may_import(here, there):
                found.append(
                    f"{importer} (floor {here[0]}) must not import {imported} (floor {there[0]})"
                )
    return found


def importers(library: str, modules: Sources) -> set[str]:
    """The modules that import this library."""
    return {
        module
        for module, source in modules.items()
        for base, _ in imported_names(module, source)
        if base.split(".")[0] == library
    }


def outside_postgres(modules: Sources) -> set[str]:
    users = importers("psycopg", modules) | importers("psycopg_pool", modules)
    return {module for module in users if not module.startswith("store.postgres")}


def optional_modules() -> set[str]:
    """What importing paidflow must not load: psycopg, and whatever any extra installs."""
    project = tomllib.loads((SRC.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    names = {canonical_name(re.split(r"[^\w.-]", each)[0]) for each in extras} - {PACKAGE}
    modules = {
        module
        for module, distributions in packages_distributions().items()
        if names & {canonical_name(each) for each in distributions}
    }
    return modules | {"psycopg", "psycopg_pool"}


def canonical_name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def probe(module: str, *path: Path, wanted: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    optional = sorted(optional_modules() - set(wanted))
    command = [sys.executable, "-c", PROBE, module, *optional]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_imports_point_down() -> None:
    assert violations(read_sources()) == []


def test_only_what_the_librarys_users_ask_for_knows_eventsourcing() -> None:
    """The core does not import these, so it works without the library's changes of Python."""
    sources = read_sources()
    knowing = importers("eventsourcing", sources)
    assert knowing == EVENTSOURCING
    users = {name for name in sources if EVENTSOURCING & set(own_imports(name, sources))}
    assert users <= EVENTSOURCING


def test_only_the_postgres_store_knows_psycopg() -> None:
    assert outside_postgres(read_sources()) == set()


@pytest.mark.parametrize("library", ["django", "opentelemetry", "prometheus_client", "sqlalchemy"])
def test_only_its_own_adapter_knows_a_library(library: str) -> None:
    found = importers(library, read_sources())
    room = f"contrib.{library.removesuffix('_client')}"
    assert found
    assert [module for module in found if not f"{module}.".startswith(f"{room}.")] == []


def test_only_the_gateway_to_stripe_knows_its_sdk() -> None:
    found = importers("stripe", read_sources())
    assert found
    assert [module for module in found if not module.startswith("payments.stripe")] == []


@pytest.mark.parametrize(
    ("module", "wanted"), [(PACKAGE, ()), (f"{PACKAGE}.contrib.sqlalchemy", ("sqlalchemy",))]
)
def test_importing_has_no_side_effects(module: str, wanted: Sequence[str]) -> None:
    result = probe(module, SRC, wanted=wanted)
    assert result.returncode == 0, result.stderr


# The checks can fail.


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("ledger.book", "from paidflow.money import Money"),
        ("ledger.book", "from paidflow import money"),
        ("ledger.book", "import paidflow.money as m, decimal"),
        ("ledger.book", "from ..money import Money"),
        ("ledger.book", "from .. import money"),
        ("ledger.book", "from . import page"),
        ("ledger.__init__", "from .page import Page"),
        ("ledger.__init__", "from ..errors import Error"),
        ("errors", "from . import money"),
        ("money", "from .errors import Error"),
        ("clock", "from .errors import Error"),
        ("store.memory", "from paidflow.ledger import page"),
        ("store.memory", "from paidflow import ledger"),
        ("actions.contract", "from paidflow.payments.contract import Payment"),
        ("actions.contract", "from paidflow.payments import contract"),
        ("actions.__init__", "from .contract import Action"),
        ("actions.catalogue", "from .contract import Action"),
        ("payments.__init__", "from .contract import Payment"),
        ("payments.card", "from paidflow.flow import Flow"),
        ("payments.card", "from paidflow.payments import wallet"),
        ("flow", "from paidflow.flow_retry import retry"),
        ("flow_retry", "from paidflow import flow"),
        ("web.app", "from paidflow.payments.card import Card"),
        ("__init__", "from .web.app import app"),
        ("money", "import flow, paidflower"),
    ],
)
def test_allowed(importer: str, source: str) -> None:
    assert violations(BUILDING | {importer: source}) == []


@pytest.mark.parametrize(
    ("importer", "source", "imported"),
    [
        ("money", "from paidflow.clock import now", "clock"),
        ("clock", "import paidflow.ids", "ids"),
        ("errors", "from . import clock", "clock"),
        ("states.machine", "from ..ledger.book import Book", "ledger.book"),
        ("states.machine", "from .. import ledger", "ledger.__init__"),
        ("states.__init__", "from ..flow import Flow", "flow"),
        ("payments.contract", "from paidflow.actions.contract import A", "actions.contract"),
        ("payments.contract", "from .card import Card", "payments.card"),
        ("payments.__init__", "from .card import Card", "payments.card"),
        ("ledger.book", "from paidflow.store import memory", "store.memory"),
        ("ledger.book", "from paidflow import Anything", "__init__"),
        ("ledger.book", "import paidflow", "__init__"),
        ("store.memory", "def f():\n    from paidflow.flow import Flow", "flow"),
        ("store.memory", "if TYPE_CHECKING:\n    from paidflow.flow import Flow", "flow"),
        ("store.memory", "try:\n    import paidflow.flow_retry\nfinally: pass", "flow_retry"),
        ("flow", "from paidflow.payments.card import Card", "payments.card"),
        ("payments.card", "from paidflow.actions.catalogue import A", "actions.catalogue"),
        ("actions.catalogue", "from paidflow.payments.card import A", "payments.card"),
        ("worker", "from paidflow import views", "views"),
        ("web.app", "from paidflow.cli import main", "cli"),
    ],
)
def test_forbidden(importer: str, source: str, imported: str) -> None:
    (found,) = violations(BUILDING | {importer: source})
    assert found.startswith(f"{importer} (floor")
    assert f"must not import {imported} (" in found


def test_an_unknown_module_has_to_be_listed() -> None:
    (found,) = violations(BUILDING | {"attic": ""})
    assert found == "attic is on no floor: add it to FLOORS in tests/test_layers.py"
    (found,) = violations(BUILDING | {"money": "import paidflow.attic"})
    assert found.startswith("money imports attic, which is on no floor: add it to FLOORS")


def test_importers_are_found() -> None:
    modules = {
        "ledger": "def f():\n    from eventsourcing.domain import Aggregate",
        "store.memory": "import eventsourcing",
        "store.postgres_pool": "from psycopg_pool import ConnectionPool",
        "flow": "import eventsourcing_extras\nfrom .eventsourcing import x",
        "views": "import psycopg.rows",
    }
    assert importers("eventsourcing", modules) == {"ledger", "store.memory"}
    assert outside_postgres(modules) == {"views"}


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import psycopg", "loads ['psycopg'"),
        ("import sqlalchemy", "'sqlalchemy'"),
        ("import httpx", "'httpx'"),
        ("import rich", "'rich'"),
        ("import celery", "'celery'"),
        ("import django", "'django'"),
        ("import dataclasses; dataclasses._process_class = None", "replaces dataclasses"),
        ("import logging; logging.getLogger('psycopg.pool').setLevel('ERROR')", "changes the"),
    ],
)
def test_side_effects_are_noticed(tmp_path: Path, source: str, complaint: str) -> None:
    (tmp_path / "culprit.py").write_text(source)
    result = probe("culprit", tmp_path)
    assert result.returncode != 0
    assert complaint in result.stderr
