// @ts-check
// All forms with data-kind are paid actions. What changes on a page has data-live and an id: when the
// server says that something has changed, these parts are read again.
import { Paidflow, PaymentError, ProblemError } from "/pay/paidflow.js";
import { panelWithCard } from "/pay/card.js";
import { showPanel } from "/pay/panel.js";
import { addCheats } from "/static/cheats.js";
import { showClaims } from "/static/claims.js";
import { add, additions, below } from "/static/counters.js";
import { fieldsOf } from "/static/fields.js";
import { listen } from "/static/live.js";
import { released } from "/static/pressed.js";
import { forget, keep, proofs, proofsOfNobody } from "/static/proofs.js";
import { undoable } from "/static/undo.js";
import { showUnpaid } from "/static/unpaid.js";

const { cardKey, cardScript } = document.body.dataset;
const show = cardKey ? panelWithCard(cardKey, { script: cardScript }) : showPanel;
const flow = new Paidflow({
	base: "/pay",
	show: (receipt, dialog) => {
		keep(receipt); // now, because a page that is left while it waits does not come to "completed"
		addCheats(show(receipt, dialog), receipt, dialog);
	},
});
const viewer = document.body.dataset.viewer;
for (const [id, proof] of Object.entries({ ...proofsOfNobody(), ...proofs() })) flow.keep(id, proof);

/** Forms without a script carry a key against double clicks; here each request gets its own. @param {Document} page */
function dropKeys(page) {
	for (const key of page.querySelectorAll("[name=idempotency-key]")) key.remove();
}
dropKeys(document);

let reading = false, outdated = false;
/** Whoever has added to a number here must not see it fall because sums follow what is paid. */
let added = false;
/** While something is sent that changes a number, nobody knows whether the server's has it. @type {Promise<unknown>} */
let sending = Promise.resolve();

/** Show what the server knows; one reading at a time, so that an older answer never comes last. */
async function refresh() {
	outdated = true;
	if (reading) return;
	reading = true;
	while (outdated) {
		await sending;
		outdated = false;
		await readAgain().catch(() => {}); // the next change comes
	}
	reading = false;
}

/** Read the page again, and put in what has changed. */
async function readAgain() {
	const before = additions();
	const answer = await fetch(location.href, { headers: added ? { "x-caught-up": "yes" } : {} });
	if (!answer.ok) return;
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	dropKeys(page);
	await released();
	if (additions() !== before) { outdated = true; return; } // asked for before something was added here
	below(() => {
		for (const part of document.querySelectorAll("[data-live]")) {
			const other = page.getElementById(part.id);
			if (other && other.innerHTML !== part.innerHTML) replace(part, other);
		}
	});
	count();
}

/** Replace a part, but not the forms that somebody writes in; the focus stays. @param {Element} part @param {Element} other */
function replace(part, other) {
	const inside = () => [...part.querySelectorAll("a, button, input, summary")];
	const active = document.activeElement, place = inside().indexOf(/** @type {Element} */ (active));
	const used = [...part.querySelectorAll("form")].filter(isUsed);
	part.innerHTML = other.innerHTML;
	for (const form of used) {
		part.querySelector(`form[id="${form.id}"]`)?.replaceWith(form);
		form.closest("details")?.setAttribute("open", "");
	}
	/** @type {?HTMLElement} */ (active?.isConnected ? active : inside()[place])?.focus();
}

/** @param {HTMLFormElement} form */
function isUsed(form) {
	const fields = /** @type {HTMLInputElement[]} */ ([...form.elements]);
	const written = fields.some((field) => field.value !== (field.defaultValue ?? field.value) || field.checked !== field.defaultChecked);
	return written || form.querySelector("textarea:focus, input:not([type=radio]):focus") || form.closest("details[open]");
}

/** @param {string} sentence */
function tell(sentence) {
	const told = document.getElementById("told");
	if (told) told.textContent = sentence;
}

/** @param {HTMLFormElement} form */
async function perform(form) {
	const kind = form.dataset.kind ?? "", fields = fieldsOf(form), { delta, undoS } = form.dataset;
	const button = form.querySelector("button");
	if (!undoS && button?.getAttribute("aria-busy") === "true") return; // a double click is meant once
	const number = add(delta ?? null, fields.amount_sats ?? 0); // seen before the server has answered
	if (delta) added = true;
	if (undoS) {
		form.reset();
		const wanted = await undoable(`${fields.amount_sats} sats are sent in`, Number(undoS), () => leave(kind, fields));
		if (!wanted) return number.undo();
	}
	button?.setAttribute("aria-busy", "true");
	const sent = flow.perform(kind, fields, callbacks(form, number));
	if (!viewer) number.known(); // it counts when it is paid
	else if (delta) sending = Promise.allSettled([sending, sent]);
	try {
		await sent;
	} catch (error) {
		if (error instanceof PaymentError) return;
		number.undo();
		refuse(form, /** @type {Error} */ (error));
	} finally {
		button?.removeAttribute("aria-busy");
	}
}

/**
 * @param {HTMLFormElement} form @param {{known: () => void}} number
 * @returns {import("/pay/paidflow.js").Callbacks}
 */
function callbacks(form, number) {
	const { then, undoS } = form.dataset;
	/** @param {import("/pay/paidflow.js").Receipt} receipt */
	const go = (receipt) => location.assign((then ?? "").replace("{action_id}", receipt.action_id));
	return {
		onCompleted: (receipt) => {
			number.known();
			keep(receipt);
			if (!undoS) form.reset();
			if (!then) return void refresh();
			if (receipt.state === "PAID") go(receipt);
			else tell("It is written, and seen by you alone until it is paid.");
		},
		onPaid: (receipt) => { tell("Paid."); if (then) go(receipt); else changed(); },
		onPayError: (error) => { if (!error.byPerson) tell(error.message); changed(); },
		onChange: () => refresh(),
	};
}

/** Say why something was refused. @param {HTMLFormElement} form @param {Error} error */
function refuse(form, error) {
	const fields = error instanceof ProblemError ? Object.values(error.problem.fields ?? {}) : [];
	const shown = form.isConnected && form.querySelector(".problem");
	const sentence = fields.join("; ") || error.message;
	if (shown) shown.textContent = sentence;
	else tell(sentence);
}

/** Send it from a page that goes away; the next page shows whether it is paid. @param {string} kind @param {object} fields */
function leave(kind, fields) {
	if (!viewer) return; // only this page could pay for it, and it is not done before
	const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
	fetch(`/pay/actions/${kind}`, { method: "POST", keepalive: true, headers, body: JSON.stringify(fields) });
}

function unpaid() {
	const place = document.getElementById("unpaid");
	if (place) showUnpaid(place, flow, Object.keys(proofs()), forget);
}

function claims() {
	const place = document.getElementById("claims");
	if (place) showClaims(place, flow, Object.keys(proofsOfNobody()), () => { refresh(); claims(); });
}

const changed = () => { refresh(); unpaid(); };
const again = { onPaid: changed, onPayError: changed, onCompleted: changed };

document.addEventListener("submit", (event) => {
	const form = /** @type {HTMLFormElement} */ (event.target);
	if (!form.dataset.kind) return;
	event.preventDefault();
	perform(form);
});
document.addEventListener("click", (event) => {
	const button = /** @type {?HTMLElement} */ (/** @type {Element} */ (event.target).closest("[data-retry], [data-pay]"));
	if (!button || event.ctrlKey || event.metaKey) return;
	event.preventDefault();
	const { retry, pay } = button.dataset;
	const asked = /** @type {any} */ ({ action_id: retry ?? pay, proof: null });
	(retry ? flow.retry(asked, again) : flow.get(asked).then((receipt) => flow.resume(receipt, again)))
		.catch((error) => tell(error.message));
});
document.addEventListener("change", (event) => {
	const select = /** @type {HTMLSelectElement} */ (event.target);
	if (select.name === "name" && select.form?.action.endsWith("/switch")) select.form.submit();
});

function count() {
	for (const time of /** @type {Iterable<HTMLElement>} */ (document.querySelectorAll("time[data-until]"))) {
		const left = Math.max(0, Math.floor((Date.parse(time.dataset.until ?? "") - Date.now()) / 1000));
		time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
	}
}
setInterval(count, 1000);
count();
addEventListener("pageshow", (event) => event.persisted && refresh());
listen(refresh);
unpaid();
claims();
