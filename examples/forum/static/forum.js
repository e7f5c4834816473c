// @ts-check
// All forms with data-kind are paid actions. What changes on a page has data-live and an id: when the
// server says that something has changed, these parts are read again.
import { Paidflow, PaymentError, ProblemError } from "/pay/paidflow.js";
import { showPanel } from "/pay/panel.js";
import { addCheats } from "/static/cheats.js";
import { listen } from "/static/live.js";
import { showUnpaid } from "/static/unpaid.js";

const flow = new Paidflow({
	base: "/pay",
	show: (receipt, dialog) => {
		keep(receipt); // now, because a page that is left while it waits does not come to "completed"
		showPanel(receipt, dialog);
		addCheats(receipt, dialog);
	},
});
const KEY = `proofs of ${document.body.dataset.viewer}`;
for (const [id, proof] of Object.entries(proofs())) flow.keep(id, proof);

/** Forms without a script carry a key against double clicks; here each request gets its own. @param {Document} page */
function dropKeys(page) {
	for (const key of page.querySelectorAll("[name=idempotency-key]")) key.remove();
}
dropKeys(document);

let reading = false, outdated = false, additions = 0;

/** Show what the server knows; one reading at a time, so that an older answer never comes last. */
async function refresh() {
	outdated = true;
	if (reading) return;
	reading = true;
	while (outdated) {
		outdated = false;
		await readAgain().catch(() => {}); // the next change comes
	}
	reading = false;
}

/** Read the page again, and put in what has changed. */
async function readAgain() {
	const before = additions;
	const answer = await fetch(location.href);
	if (!answer.ok) return;
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	dropKeys(page);
	if (additions !== before) { outdated = true; return; } // asked for before something was added here
	for (const part of document.querySelectorAll("[data-live]")) {
		const other = page.getElementById(part.id);
		if (other && other.innerHTML !== part.innerHTML) replace(part, other);
	}
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
function fieldsOf(form) {
	/** @type {Record<string, any>} */
	const fields = {};
	for (const field of /** @type {Iterable<HTMLInputElement>} */ (form.elements)) {
		if (!field.name || (field.type === "radio" && !field.checked)) continue;
		const value = field.type === "number" || "number" in field.dataset ? Number(field.value) : field.value;
		if ("list" in field.dataset) (fields[field.name] ??= []).push(...(value ? [value] : []));
		else if (value !== "" || !("optional" in field.dataset)) fields[field.name] = value;
	}
	return fields;
}

/** Add to a number on the page. @param {?string} place @param {number} by @returns {() => void} undoes it */
function add(place, by) {
	const shown = place && document.querySelector(place);
	if (!shown || !by) return () => {};
	/** @param {number} more */
	const change = (more) => {
		additions++;
		shown.textContent = (Number(shown.textContent?.replace(/\D/g, "")) + more).toLocaleString("en");
		shown.classList.toggle("pending", more > 0);
	};
	change(by);
	return () => shown.isConnected && change(-by); // else the server's number has come in its place
}

/** @param {HTMLFormElement} form */
async function perform(form) {
	const fields = fieldsOf(form), place = form.dataset.delta ?? null, delta = fields.amount_sats ?? 0;
	const then = form.dataset.then;
	/** @param {import("/pay/paidflow.js").Receipt} receipt */
	const goOn = (receipt) => then ? location.assign(then.replace("{action_id}", receipt.action_id)) : changed();
	const button = form.querySelector("button");
	if (button?.getAttribute("aria-busy") === "true") return; // a double click is meant once
	const undo = add(place, delta); // seen before the server has answered
	button?.setAttribute("aria-busy", "true");
	try {
		await flow.perform(form.dataset.kind ?? "", fields, {
			onCompleted: (receipt) => {
				keep(receipt);
				form.reset();
				if (!then || receipt.state === "PAID") goOn(receipt);
				else tell("It is written, and seen by you alone until it is paid.");
			},
			onPaid: (receipt) => { tell("Paid."); goOn(receipt); },
			onPayError: (error) => { undo(); if (!error.byPerson) tell(error.message); changed(); },
			onChange: () => refresh(),
		});
	} catch (error) {
		if (error instanceof PaymentError) return;
		undo();
		const shown = form.querySelector(".problem");
		const fields = error instanceof ProblemError ? Object.entries(error.problem.fields ?? {}) : [];
		const sentence = fields.length ? fields.map(([, why]) => why).join("; ") : /** @type {Error} */ (error).message;
		if (shown) shown.textContent = sentence;
		else tell(sentence);
	} finally {
		button?.removeAttribute("aria-busy");
	}
}

/** @returns {Record<string, string>} of what this person has asked for, by the id of the action */
function proofs() {
	return JSON.parse(localStorage.getItem(KEY) ?? "{}");
}

/** @param {import("/pay/paidflow.js").Receipt} receipt */
function keep({ action_id, proof }) {
	if (proof) localStorage.setItem(KEY, JSON.stringify({ ...proofs(), [action_id]: proof }));
}

/** @param {string} id */
function forget(id) {
	const { [id]: _, ...others } = proofs();
	localStorage.setItem(KEY, JSON.stringify(others));
}

function unpaid() {
	const place = document.getElementById("unpaid");
	if (place) showUnpaid(place, flow, Object.keys(proofs()), forget);
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
listen(refresh);
unpaid();
