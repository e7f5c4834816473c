// @ts-check
// Shows the payment panel in a dialog, for `new Paidflow({show: showPanel})`. The HTML comes from
// the server; see templates/panel.html.

const UNKNOWN = "The server does not answer, so nothing is known. It goes on as it was.";

/**
 * @param {import("./paidflow.js").Receipt} receipt @param {import("./paidflow.js").Dialog} dialog
 * @returns {HTMLElement} stands above the buttons; what is put into it stays when the panel changes
 */
export function showPanel(receipt, dialog) {
	const shown = document.createElement("dialog");
	shown.className = "paidflow-dialog";
	shown.id = `paidflow-${receipt.action_id}`;
	shown.setAttribute("aria-label", "Payment");
	const [panel, place, buttons] = [0, 0, 0].map(() => document.createElement("div"));
	shown.append(panel, place, buttons);
	const before = document.activeElement;

	let asked = 0, drawn = 0; // an older answer that comes last is not shown
	const render = async () => {
		const number = ++asked;
		const path = `${dialog.flow.base}/actions/${receipt.action_id}/panel`;
		const answer = await fetch(path, { headers: dialog.flow.proof(receipt) });
		const html = await answer.text();
		if (!answer.ok || number < drawn) return;
		drawn = number;
		const focused = /** @type {?HTMLButtonElement} */ (document.activeElement)?.value;
		panel.innerHTML = html;
		buttons.replaceChildren(...panel.querySelectorAll(".paidflow-buttons"));
		for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (shown.querySelectorAll("button[value]"))) { // some are hidden where no script runs
			button.hidden = false;
			if (button.value === focused) button.focus();
		}
		tick(shown, 0);
	};
	const leave = () => {
		clearInterval(ticking);
		shown.close();
		shown.remove();
		if (before instanceof HTMLElement) before.focus();
	};
	/** @type {Record<string, () => unknown>} */
	const deeds = {
		copy: () => copy(shown),
		cancel: () => dialog.close().then(() => dialog.byPerson && leave(), () => say(shown, UNKNOWN)),
		retry: () => dialog.retry().then(leave, (error) => say(shown, error.message)),
		close: leave,
	};
	const ticking = setInterval(() => {
		if (!shown.isConnected) clearInterval(ticking);
		else if (drawn) tick(shown, 1);
		else render().catch(() => {});
	}, 1000);
	shown.addEventListener("click", (event) => {
		const button = /** @type {Element} */ (event.target).closest("button");
		if (!button || !(button.value in deeds)) return;
		event.preventDefault(); // the forms of the panel are for pages without a script
		deeds[button.value]();
	});
	shown.addEventListener("cancel", (event) => { // the Escape key
		event.preventDefault();
		deeds[dialog.over ? "close" : "cancel"]();
	});
	dialog.addEventListener("change", () => shown.isConnected && render().catch(() => {}));
	document.getElementById(shown.id)?.remove(); // one panel for one action
	document.body.append(shown);
	render().catch(() => {}).then(() => shown.isConnected && shown.showModal());
	return place;
}

/** @param {HTMLElement} shown */
async function copy(shown) {
	const field = /** @type {HTMLInputElement} */ (shown.querySelector("input"));
	field.select();
	await navigator.clipboard.writeText(field.value).catch(() => document.execCommand("copy"));
	const button = shown.querySelector("[value=copy]");
	if (button) button.textContent = "Copied";
}

/** Count down; the server has said how long, so the clock here does not matter. @param {HTMLElement} shown @param {number} seconds */
function tick(shown, seconds) {
	const time = shown.querySelector("time");
	if (!time) return;
	const left = Math.max(Number(time.dataset.seconds) - seconds, 0);
	time.dataset.seconds = String(left);
	time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** @param {HTMLElement} shown @param {string} sentence */
function say(shown, sentence) {
	const status = shown.querySelector("[role=status]");
	if (status) status.textContent = sentence;
}
