// @ts-check
// Hears from the server that something has changed. Where it hears nothing, it looks every few seconds.
const LOOK_MS = 3000;

/** @param {() => void} changed */
export function listen(changed) {
	/** @type {?EventSource} */
	let live = null;
	const open = () => {
		live?.close();
		live = document.hidden ? null : new EventSource("/live"); // a browser has six connections for all tabs
		live?.addEventListener("changed", changed);
	};
	document.addEventListener("visibilitychange", open);
	setInterval(() => {
		if (document.hidden || live?.readyState === EventSource.OPEN) return;
		if (live?.readyState === EventSource.CLOSED) open(); // refused; else it tries again by itself
		changed();
	}, LOOK_MS);
	open();
}
