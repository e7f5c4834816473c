// @ts-check
// All forms with data-kind are paid actions. What changes on a page has data-live and an id: when the
// server says that something has changed, these parts are read again.
import { Paidflow, PaymentError, ProblemError } from "/pay/paidflow.js";
import { showPanel } from "/pay/panel.js";
import { addCheats } from "/static/cheats.js";

const flow = new Paidflow({
	base: "/pay",
	show: (receipt, dialog) => { showPanel(receipt, dialog); addCheats(receipt, dialog); },
});
const KEY = `proofs of ${document.body.dataset.viewer}`;
for (const [id, proof] of Object.entries(JSON.parse(localStorage.getItem(KEY) ?? "{}"))) flow.keep(id, proof);

/** Forms without a script carry a key against double clicks; here each request gets its own. @param {Document} page */
function dropKeys(page) {
	for (const key of page.querySelectorAll("[name=idempotency-key]")) key.remove();
}
dropKeys(document);

/** Read the page again, and put in what has changed; not below what somebody is writing. */
async function refresh() {
	const answer = await fetch(location.href).catch(() => null);
	if (!answer?.ok) return; // the next change comes
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	dropKeys(page);
	for (const part of document.querySelectorAll("[data-live]")) {
		const other = page.getElementById(part.id);
		const writing = [...part.querySelectorAll("textarea")].some((field) => field.value);
		if (other && !writing && other.innerHTML !== part.innerHTML) replace(part, other);
	}
	count();
}

/** Replace a part, and keep the focus where it was. @param {Element} part @param {Element} other */
function replace(part, other) {
	const inside = () => [...part.querySelectorAll("a, button, input, summary")];
	const place = inside().indexOf(/** @type {Element} */ (document.activeElement));
	part.innerHTML = other.innerHTML;
	/** @type {?HTMLElement} */ (inside()[place])?.focus();
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

/** Add to a number on the page, or take exactly that away again. @param {?string} place @param {number} by */
function add(place, by) {
	const shown = place && document.querySelector(place);
	if (!shown || !by) return;
	shown.textContent = (Number(shown.textContent?.replace(/\D/g, "")) + by).toLocaleString("en");
	shown.classList.toggle("pending", by > 0);
}

/** @param {HTMLFormElement} form */
async function perform(form) {
	const fields = fieldsOf(form), place = form.dataset.delta ?? null, delta = fields.amount_sats ?? 0;
	const then = form.dataset.then;
	/** @param {import("/pay/paidflow.js").Receipt} receipt */
	const goOn = (receipt) => then ? location.assign(then.replace("{action_id}", receipt.action_id)) : refresh();
	const button = form.querySelector("button");
	add(place, delta); // seen before the server has answered
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
			onPayError: (error) => { add(place, -delta); if (!error.byPerson) tell(error.message); refresh(); },
			onChange: () => refresh(),
		});
	} catch (error) {
		if (error instanceof PaymentError) return;
		add(place, -delta);
		const shown = form.querySelector(".problem");
		const fields = error instanceof ProblemError ? Object.entries(error.problem.fields ?? {}) : [];
		const sentence = fields.length ? fields.map(([, why]) => why).join("; ") : /** @type {Error} */ (error).message;
		if (shown) shown.textContent = sentence;
		else tell(sentence);
	} finally {
		button?.removeAttribute("aria-busy");
	}
}

/** @param {import("/pay/paidflow.js").Receipt} receipt */
function keep(receipt) {
	if (!receipt.proof) return;
	const proofs = JSON.parse(localStorage.getItem(KEY) ?? "{}");
	localStorage.setItem(KEY, JSON.stringify({ ...proofs, [receipt.action_id]: receipt.proof }));
}

const again = { onPaid: () => refresh(), onPayError: () => refresh(), onCompleted: () => refresh() };

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
const live = new EventSource("/live");
live.addEventListener("changed", () => refresh());
live.addEventListener("open", () => refresh());
