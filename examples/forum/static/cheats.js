// @ts-check
// Buttons below the panel that only a sandbox has: the payer pays, or does what payers do.
const CHEATS = { pay: "pay", "pay-less": "pay half", "pay-late": "pay late", expire: "let it expire", hold: "hold", duplicate: "pay twice" };

/** @param {HTMLElement} place @param {any} receipt @param {EventTarget} dialog */
export function addCheats(place, receipt, dialog) {
	if (receipt.gateway !== "sandbox") return;
	const cheats = document.createElement("p");
	cheats.className = "cheats";
	for (const [deed, name] of Object.entries(CHEATS)) {
		const button = document.createElement("button");
		button.textContent = name;
		button.onclick = () => fetch(`/cheat/${deed}/${receipt.invoice_id}`, { method: "POST" });
		cheats.append(button);
	}
	place.append(cheats);
	dialog.addEventListener("change", () => { if (/** @type {any} */ (dialog).over) cheats.replaceChildren(); });
}
