"""Tells a page as a story: its blocks run in order, in one folder, in one program.

``python -m tests.docs.story NAME`` does it in the folder where it is started. A block that is a
file is written. A block in Python goes on where the one before has ended. A block of commands runs
in a shell. A block of output must be what was printed since the output before it. What is printed
and shown nowhere is fine.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.docs.pages import OUTPUT, SHOWN, Block, Page, page
from tests.postgres_programs import folder_of_programs


class Broken(Exception):
    """A block does not do what the page says."""


def tell(story: Page) -> None:
    """Run the blocks of a page here.

    Raises:
        Broken: when a block fails, prints something else, or is in a language nobody knows.
    """
    program = ModuleType("story")  # a module that can be found, as pydantic wants for its models
    sys.modules[program.__name__] = program
    names = vars(program)
    printed = _python(Block("python", None, 0, story.before), names, "before")
    for block in story.blocks():
        if block.file is not None:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            printed += _python(block, names, story.name)
        elif block.language == "sh":
            printed += _sh(block, story.name)
        elif block.language == OUTPUT:
            _compare(block, printed, story.name)
            printed = ""
        elif block.language not in SHOWN:
            raise Broken(f"{story.name}:{block.line}: what is a block in {block.language!r}?")


def _python(block: Block, names: dict[str, Any], where: str) -> str:
    code = "\n" * block.line + block.code  # so that a traceback names the line of the page
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(code, where, "exec"), names)
    return told.getvalue()


def _sh(block: Block, where: str) -> str:
    done = subprocess.run(["bash", "-euc", block.code], capture_output=True, text=True)
    if done.returncode:
        raise Broken(f"{where}:{block.line}: ended with {done.returncode}:\n{done}")
    return done.stdout


def _compare(block: Block, printed: str, where: str) -> None:
    if printed != block.code:
        lines = difflib.unified_diff(
            block.code.splitlines(), printed.splitlines(), "the page", "the program", lineterm=""
        )
        raise Broken(f"{where}:{block.line}: prints something else\n" + "\n".join(lines))


def run(story: Page, folder: Path, database: str | None = None) -> tuple[int, str]:
    """Tell a page in a process of its own.

    Returns:
        Its exit code, and what it complained about.
    """
    root = Path(__file__).parents[2]
    programs = [Path(sys.executable).parent]
    if database:
        programs.append(folder_of_programs())
    environment = {
        "PATH": os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "src"), str(folder)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # A page may leave open what the end of its program closes.
        **({"PYTHONWARNINGS": "error,ignore::ResourceWarning"} if story.strict else {}),
        **({"DATABASE_URL": database} if database else {}),
    }
    command = [sys.executable, "-m", "tests.docs.story", story.name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stderr


if __name__ == "__main__":
    tell(page(sys.argv[1]))
