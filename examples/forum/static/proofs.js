// @ts-check
// The proofs of what this person has asked for in this browser, by the id of the action.
const KEY = `proofs of ${document.body.dataset.viewer}`;

/** @returns {Record<string, string>} */
export function proofs() {
	return JSON.parse(localStorage.getItem(KEY) ?? "{}");
}

/** @param {import("/pay/paidflow.js").Receipt} receipt */
export function keep({ action_id, proof }) {
	if (proof) localStorage.setItem(KEY, JSON.stringify({ ...proofs(), [action_id]: proof }));
}

/** @param {string} id */
export function forget(id) {
	const { [id]: _, ...others } = proofs();
	localStorage.setItem(KEY, JSON.stringify(others));
}
