"""The whole site: paidflow's endpoints, the pages, and what keeps both alive."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from examples.forum.cheats import cheats
from examples.forum.forum import Forum
from examples.forum.live import live
from examples.forum.pages import pages
from examples.forum.people import operator, person
from paidflow.web import answer_problems, router
from paidflow.web.admin import admin
from paidflow.web.changes import Changes


def site(forum: Forum) -> FastAPI:
    """The site of a forum.

    Args:
        forum: open, and closed by whoever opened it.
    """
    changes = Changes(forum.flow)
    app = FastAPI(title="A forum on paidflow")
    answer_problems(app)
    app.include_router(
        router(forum.flow, actor=person, worker=forum.worker(), changes=changes), prefix="/pay"
    )
    app.include_router(admin(forum.flow, operator=operator), prefix="/operator")
    app.include_router(cheats(forum), prefix="/cheat")
    app.include_router(live(forum, changes))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.include_router(pages(forum))
    return app
