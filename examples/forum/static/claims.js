// @ts-check
// Money that came and has paid for nothing, because it was too late or came twice, of somebody who was
// not logged in then. It is nobody's, and whoever has the proof can have it.
import { receipts } from "/static/unpaid.js";

/**
 * @param {HTMLElement} place @param {import("/pay/paidflow.js").Paidflow} flow
 * @param {string[]} ids @param {() => void} changed
 */
export async function showClaims(place, flow, ids, changed) {
	const buttons = [];
	for (const receipt of await receipts(flow, ids)) {
		if (!receipt?.unclaimed) continue;
		const button = document.createElement("button");
		button.textContent = `put ${receipt.unclaimed.amount / 1000} sats into the purse`;
		button.onclick = () => {
			button.disabled = true;
			flow.command("claim", receipt).catch(() => null).then(changed);
		};
		buttons.push(button);
	}
	place.querySelector("p")?.replaceChildren(...buttons);
	place.hidden = !buttons.length;
}
