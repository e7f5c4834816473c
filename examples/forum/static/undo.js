// @ts-check
// For some seconds something waits here, and can be taken back: nothing of it is sent before.

/** What waits, the newest last; each takes itself back. @type {Set<() => void>} */
const waiting = new Set();

/**
 * Wait, unless a person takes it back. Whoever leaves the page has not taken it back: it is sent at
 * once then, by `leave`, as nobody would be there any more who sends it later.
 * @param {string} sentence what waits @param {number} seconds how long
 * @param {() => void} leave sends it from a page that goes away
 * @returns {Promise<boolean>} whether to send it now
 */
export function undoable(sentence, seconds, leave) {
	const line = document.createElement("li"), left = document.createElement("time"), button = document.createElement("button");
	button.textContent = "undo";
	left.setAttribute("aria-hidden", "true");
	left.textContent = `${seconds}`;
	line.append(sentence, " ", left, " ", button);
	document.getElementById("waiting")?.append(line);
	return new Promise((resolve) => {
		const ends = performance.now() + seconds * 1000;
		/** @param {boolean} send */
		const end = (send) => {
			clearInterval(ticking);
			line.remove();
			waiting.delete(takeBack);
			removeEventListener("pagehide", gone);
			resolve(send);
		};
		const takeBack = () => end(false), gone = () => { leave(); end(false); };
		const ticking = setInterval(() => {
			const rest = ends - performance.now();
			left.textContent = `${Math.max(0, Math.ceil(rest / 1000))}`;
			if (rest <= 0) end(true);
		}, 100);
		button.onclick = takeBack;
		addEventListener("pagehide", gone);
		waiting.add(takeBack);
	});
}

document.addEventListener("keydown", (event) => {
	if (event.key === "Escape" && !document.querySelector("dialog[open]")) [...waiting].pop()?.();
});
