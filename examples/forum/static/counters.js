// @ts-check
// Numbers on the page that go up before the server knows why, and down again by exactly as much.

/** What the server does not know yet; it stands on the page, whatever is read. @type {Set<{place: ?string, by: number}>} */
const unknown = new Set();
let changes = 0;

/** How often that has changed; a page that was asked for before the last time is too old. */
export const additions = () => changes;

/** Add to a number on the page. @param {?string} place @param {number} by */
export function add(place, by) {
	const added = { place, by };
	unknown.add(added);
	changes++;
	change(place, by);
	return {
		/** It was not sent, or refused. */
		undo() {
			if (!unknown.delete(added)) return;
			changes++;
			change(place, -by);
		},
		/** From now on the server's number counts. */
		known() {
			unknown.delete(added);
			changes++;
		},
	};
}

/** Put in what the server knows, and what it does not know on top of that. @param {() => void} replace */
export function below(replace) {
	for (const { place, by } of unknown) change(place, -by);
	replace();
	for (const { place, by } of unknown) change(place, by);
}

/** @param {?string} place @param {number} by */
function change(place, by) {
	const shown = place && document.querySelector(place);
	if (!shown || !by) return;
	shown.textContent = (Number(shown.textContent?.replaceAll(",", "")) + by).toLocaleString("en");
	shown.classList.toggle("pending", by > 0);
}
