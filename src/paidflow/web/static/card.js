// @ts-check
// Asks for a card in the payment panel, with Stripe.js, for `new Paidflow({show: panelWithCard(KEY)})`.
// What Stripe.js answers is for the payer only: whether it is paid says our server, as always.
import { showPanel } from "./panel.js";

/** @typedef {import("./paidflow.js").Receipt} Receipt @typedef {import("./paidflow.js").Dialog} Dialog */

const SENT = "The card was taken. The news comes here by itself.";
const UNKNOWN = "No answer came, so nothing is known. If it was paid, that will be said here; who tries again pays once.";
const NOT_LOADED = "The form for the card did not load. Nothing was paid; load this page again.";
const REFUSALS = ["card_error", "validation_error", "payment_intent_authentication_failure"];

/**
 * @param {string} key the publishable one, `pk_...`; the secret one belongs in no page
 * @param {object} [options]
 * @param {string} [options.script] where Stripe.js is
 * @returns {(receipt: Receipt, dialog: Dialog) => HTMLElement} as `showPanel`
 */
export function panelWithCard(key, { script = "https://js.stripe.com/v3/" } = {}) {
	/** @type {?Promise<any>} */
	let stripe = null; // one for all panels
	return (receipt, dialog) => {
		const place = showPanel(receipt, dialog);
		const draw = () => {
			const asked = dialog.latest.next_action === "confirm_card";
			if (!asked) place.querySelector(".paidflow-card")?.remove();
			else if (!place.querySelector(".paidflow-card")) {
				stripe ??= load(script).then(() => /** @type {any} */ (globalThis).Stripe(key));
				place.append(form(stripe, dialog));
			}
		};
		dialog.addEventListener("change", draw);
		draw();
		return place;
	};
}

/** @param {string} script */
function load(script) {
	return new Promise((resolve, reject) => {
		const element = Object.assign(document.createElement("script"), { src: script, onload: resolve, onerror: reject });
		document.head.append(element);
	});
}

/** @param {Promise<any>} loading Stripe.js @param {Dialog} dialog */
function form(loading, dialog) {
	const shown = document.createElement("form");
	shown.className = "paidflow-card";
	shown.innerHTML = `<label>Card <span class="paidflow-card-field"></span></label>
		<p role="alert"></p><button aria-disabled="true">Pay</button>`;
	const [field, told, button] = ["span", "p", "button"].map((name) => /** @type {HTMLElement} */ (shown.querySelector(name)));
	const ready = (/** @type {boolean} */ is) => button.setAttribute("aria-disabled", String(!is)); // and the focus stays
	/** @type {any} */
	let stripe, card;
	loading.then((loaded) => {
		stripe = loaded;
		card = stripe.elements().create("card");
		card.mount(field); // once, as a frame that is moved begins anew
		card.on("change", () => { told.textContent = ""; });
		ready(true);
	}).catch(() => { told.textContent = NOT_LOADED; });

	const confirm = async () => {
		const { error } = await stripe.confirmCardPayment(dialog.latest.payment_request, { payment_method: { card } });
		if (!error) return SENT;
		return REFUSALS.includes(error.type) || REFUSALS.includes(error.code) ? error.message : UNKNOWN;
	};
	shown.addEventListener("submit", async (event) => {
		event.preventDefault();
		if (button.getAttribute("aria-disabled") === "true") return; // a double click is meant once
		ready(false);
		told.textContent = "";
		const panel = /** @type {HTMLDialogElement} */ (shown.closest("dialog"));
		reopen(panel, "show");
		told.textContent = await confirm().catch(() => UNKNOWN);
		reopen(panel, "showModal");
		ready(told.textContent !== SENT);
	});
	return shown;
}

/**
 * Above a modal dialog nobody could answer what the bank asks (github.com/stripe/stripe-js/issues/599).
 * @param {HTMLDialogElement} panel @param {"show" | "showModal"} how
 */
function reopen(panel, how) {
	if (!panel.open) return; // somebody has closed it
	const focused = /** @type {?HTMLElement} */ (document.activeElement);
	panel.close();
	panel[how]();
	focused?.focus();
}
