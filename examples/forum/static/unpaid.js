// @ts-check
// What somebody has not paid who is not logged in: no page of the server shows it, because only this
// browser knows the proofs.

/** What the server knows of actions; nothing of those that it does not show. @param {import("/pay/paidflow.js").Paidflow} flow @param {string[]} ids @returns {Promise<any[]>} */
export function receipts(flow, ids) {
	return Promise.all(ids.map((id) => flow.get(/** @type {any} */ ({ action_id: id })).catch(() => null)));
}

/**
 * @param {HTMLElement} place @param {import("/pay/paidflow.js").Paidflow} flow
 * @param {string[]} ids @param {(id: string) => void} forget what is paid
 */
export async function showUnpaid(place, flow, ids, forget) {
	const buttons = [];
	for (const receipt of await receipts(flow, ids)) {
		if (receipt?.state === "PAID" && !receipt.unclaimed) forget(receipt.action_id);
		if (!receipt || receipt.state === "PAID" || receipt.failure_reason === "user_cancelled") continue;
		const failed = receipt.state === "FAILED", button = document.createElement("button");
		button.className = failed ? "state failed" : "state";
		button.dataset[failed ? "retry" : "pay"] = receipt.action_id;
		button.textContent = `${receipt.kind} ${failed ? "not paid: retry payment" : "pending: pay"}`;
		buttons.push(button);
	}
	place.replaceChildren(...buttons);
	place.hidden = !buttons.length;
}
