// @ts-check
// A click goes to what is under the pointer both when it is pressed and when it is let go. So a page
// that changes by itself waits in between.
let letGo = () => {};
/** @type {Promise<void>} */
let pressed = Promise.resolve();
const afterTheClick = new MessageChannel();
afterTheClick.port1.onmessage = () => letGo();

document.addEventListener("pointerdown", ({ isPrimary, button }) => {
	if (!isPrimary || button !== 0) return;
	letGo();
	pressed = new Promise((resolve) => { letGo = resolve; });
});
for (const end of ["pointerup", "pointercancel", "blur"]) {
	addEventListener(end, () => afterTheClick.port2.postMessage(null));
}

/** Resolves when nothing is pressed. */
export const released = () => pressed;
