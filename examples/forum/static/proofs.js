// @ts-check
// The proofs of what this person has asked for in this browser, by the id of the action.
const VIEWER = document.body.dataset.viewer, NOBODY = "";
/** @param {string | undefined} person */
const key = (person) => `proofs of ${person}`;

/** @param {string} [person] @returns {Record<string, string>} */
export function proofs(person = VIEWER) {
	return JSON.parse(localStorage.getItem(key(person)) ?? "{}");
}

/** What was asked for while nobody was logged in; whoever is now can claim what came for it. */
export const proofsOfNobody = () => proofs(NOBODY);

/** @param {import("/pay/paidflow.js").Receipt} receipt */
export function keep({ action_id, proof }) {
	if (proof) localStorage.setItem(key(VIEWER), JSON.stringify({ ...proofs(), [action_id]: proof }));
}

/** @param {string} id */
export function forget(id) {
	const { [id]: _, ...others } = proofs();
	localStorage.setItem(key(VIEWER), JSON.stringify(others));
}
