"""A page with nothing but paidflow.js and the panel; it writes down which callback came when."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.web.site import Site

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A shop</title><link rel="stylesheet" href="/panel.css">
<h1>A shop</h1><button id="buy">Buy</button>
<script type="module">
import { Paidflow } from "/paidflow.js";
import { showPanel } from "/panel.js";
window.told = [];
const tell = (name) => (said) => window.told.push([name, said.state ?? said.receipt?.state,
    said.byPerson ?? null]);
window.on = Object.fromEntries(["update", "onCompleted", "onPaid", "onPayError"]
    .map((name) => [name, tell(name)]));
window.make = (options = {}) => new Paidflow({ show: showPanel, ...options });
window.buy = (kind, options) => {
    window.done = make(options).perform(kind, { text: "gm" }, window.on);
    window.done.then((receipt) => { window.receipt = receipt; }, () => {});
};
document.getElementById("buy").onclick = () => window.buy("note");
window.flow = window.make();
</script>
"""


def open_shop(flow: PaidFlow, bank: SandboxGateway) -> Site:
    """The site, not yet started."""
    site = Site(flow, bank)

    @site.app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE)

    return site
