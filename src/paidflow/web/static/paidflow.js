// @ts-check
// The browser side of paidflow.web. Of two receipts, that with the higher version is newer.

/**
 * @typedef {{action_id: string, kind: string, state: string, version: number, performed: boolean,
 *   next_action: string, payment_request: ?string, proof: ?string, expires_at: ?string,
 *   amount_due: ?{amount: number, currency: string}, result: any, error: ?string}} Receipt
 * @typedef {{code: string, detail: string, retryable: boolean,
 *   status: number, fields?: Headers}} Problem
 * @typedef {Record<string, string>} Headers
 * @typedef {(paymentRequest: string) => Promise<unknown>} Wallet
 * @typedef {object} Callbacks
 * @property {(receipt: Receipt) => void} [update] show it; onPayError has to undo exactly this
 * @property {(receipt: Receipt) => void} [onCompleted] all is done that can be done now
 * @property {(receipt: Receipt) => void} [onPaid] it is real for everyone
 * @property {(error: PaymentError) => void} [onPayError] it was not paid
 * @property {(receipt: Receipt) => void} [onChange] each newer receipt on the way
 */

const OVER = new Set(["PAID", "FAILED", "REFUNDED", "DISPUTED"]);
const POLL_MS = 2000, QUIET_MS = 45000, TRIES = 4;

export class ProblemError extends Error {
	/** @param {Problem} problem */
	constructor(problem) {
		super(problem.detail);
		this.problem = problem;
	}
}

export class PaymentError extends Error {
	/** @param {Receipt} receipt @param {boolean} byPerson whether a person gave it up */
	constructor(receipt, byPerson) {
		super(receipt.error ?? "It was not paid.");
		this.receipt = receipt;
		this.byPerson = byPerson;
	}
}

export class Paidflow {
	#proofs = new Map();

	/**
	 * @param {object} options
	 * @param {string} [options.base] where the router is mounted
	 * @param {?Wallet} [options.wallet] pays before anything is shown; WebLN if there is one
	 * @param {?Wallet} [options.card] gets a client secret instead, and asks for the card
	 * @param {(receipt: Receipt, dialog: Dialog) => void} [options.show] shows what to pay
	 */
	constructor({ base = "", wallet = webln(), card = null, show } = {}) {
		this.base = base;
		this.wallet = wallet;
		this.card = card;
		this.show = show;
	}

	/**
	 * Resolves when it is completed.
	 * @param {string} kind @param {object} fields @param {Callbacks} [on]
	 */
	async perform(kind, fields, on = {}) {
		const headers = { "idempotency-key": crypto.randomUUID() + crypto.randomUUID() };
		return this.resume(await this.#send("POST", `/actions/${kind}`, fields, headers), on);
	}

	/** @param {Receipt} receipt @param {Callbacks} [on] */
	async retry(receipt, on = {}) {
		return this.resume(await this.command("retry", receipt), on);
	}

	/** Where it stands then: a "cancel" may find it paid. @param {"retry" | "cancel" | "claim"} name @param {Receipt} receipt */
	async command(name, receipt) {
		const path = `/actions/${receipt.action_id}/${name}`;
		try {
			return await this.#send("POST", path, null, this.proof(receipt));
		} catch (error) {
			if (!(error instanceof ProblemError) || error.problem.status !== 409) throw error;
			const now = await this.get(receipt);
			if (name === "retry" && now.state === "FAILED") throw error;
			return now;
		}
	}

	/** @param {Receipt} receipt @returns {Promise<Receipt>} */
	get(receipt) {
		return this.#send("GET", `/actions/${receipt.action_id}`, null, this.proof(receipt));
	}

	/** @param {string} id @param {string} proof */
	keep(id, proof) {
		this.#proofs.set(id, proof);
	}

	/**
	 * Until it is over: by events, and by asking.
	 * @param {Receipt} receipt @param {(receipt: Receipt) => void} onChange @param {AbortSignal} signal
	 */
	async follow(receipt, onChange, signal) {
		let latest = receipt;
		const over = new AbortController(), ends = AbortSignal.any([over.signal, signal]);
		const note = (/** @type {Receipt} */ newer) => {
			if (newer.version <= latest.version || ends.aborted) return;
			latest = newer;
			onChange(newer);
			if (OVER.has(newer.state)) over.abort();
		};
		while (!ends.aborted && !OVER.has(latest.state)) {
			const headers = { ...this.proof(receipt), "last-event-id": `${latest.version}` };
			await this.#stream(`/actions/${receipt.action_id}/events`, headers, (_, data) => note(data), ends);
			if (!ends.aborted) await this.get(receipt).then(note, () => {});
			await pause(POLL_MS, ends);
		}
	}

	/**
	 * All actions of the actor, as they change.
	 * @param {(receipt: Receipt) => void} onReceipt @param {() => void} onReset read all again
	 * @param {AbortSignal} signal
	 */
	async listen(onReceipt, onReset, signal) {
		let last = "";
		while (!signal.aborted) {
			await this.#stream("/events", last ? { "last-event-id": last } : {}, (kind, data, id) => {
				if (kind === "reset" || !last) onReset();
				if (kind === "receipt") onReceipt(data);
				last = id || last;
			}, signal);
			await pause(POLL_MS, signal);
		}
	}

	/** Go on. @param {Receipt} receipt @param {Callbacks} on */
	async resume(receipt, on) {
		if (receipt.proof) this.keep(receipt.action_id, receipt.proof);
		const paid = receipt.state === "PAID";
		if (receipt.performed && !paid) {
			on.update?.(receipt);
			on.onCompleted?.(receipt);
			this.#pay(receipt, on).then(on.onPaid, on.onPayError);
			return receipt;
		}
		const done = paid ? receipt : await this.#pay(receipt, on).catch((error) => {
			on.onPayError?.(error);
			throw error;
		});
		for (const call of [on.update, on.onCompleted, on.onPaid]) call?.(done);
		return done;
	}

	/** The wallet first, then a person. @param {Receipt} receipt @param {Callbacks} on */
	async #pay(receipt, on) {
		const dialog = new Dialog(this, receipt, on), ends = new AbortController();
		const show = () => this.show?.(receipt, dialog);
		this.follow(receipt, (newer) => {
			on.onChange?.(newer);
			dialog.tell(newer);
		}, ends.signal);
		// A wallet's "no" proves nothing.
		const pays = receipt.next_action === "confirm_card" ? this.card : this.wallet;
		if (pays && receipt.payment_request) {
			pays(receipt.payment_request).catch(() => dialog.over || show());
		} else show();
		const last = await dialog.ended;
		ends.abort();
		if (last.state === "PAID") return last;
		throw new PaymentError(last, dialog.byPerson);
	}

	/** @param {Receipt} receipt @returns {Headers} */
	proof(receipt) {
		const proof = receipt.proof ?? this.#proofs.get(receipt.action_id);
		return proof ? { "payment-proof": proof } : {};
	}

	/**
	 * Without an answer it is sent again.
	 * @param {string} method @param {string} path @param {?object} body @param {Headers} headers
	 * @returns {Promise<Receipt>}
	 */
	async #send(method, path, body, headers) {
		if (body) headers = { ...headers, "content-type": "application/json" };
		for (let left = TRIES; ; ) {
			try {
				const said = { method, headers, body: body && JSON.stringify(body) };
				const answer = await fetch(this.base + path, said);
				const read = await answer.json();
				if (answer.ok) return read;
				if (answer.status < 500 || --left === 0) throw new ProblemError(read);
			} catch (error) {
				if (error instanceof ProblemError || --left <= 0) throw error;
			}
			await pause(500 * 2 ** (TRIES - left));
		}
	}

	/**
	 * Until it ends; `EventSource` could not send a proof.
	 * @param {string} path @param {Headers} headers @param {AbortSignal} signal
	 * @param {(kind: string, data: any, id: string) => void} onEvent
	 */
	async #stream(path, headers, onEvent, signal) {
		const quiet = new AbortController(), ends = AbortSignal.any([signal, quiet.signal]);
		let timer = setTimeout(() => quiet.abort(), QUIET_MS);
		try {
			const { ok, body } = await fetch(this.base + path, { headers, signal: ends });
			if (!ok || !body) return;
			const reader = body.pipeThrough(new TextDecoderStream()).getReader();
			for (let text = "", part; !(part = await reader.read()).done; ) {
				clearTimeout(timer);
				timer = setTimeout(() => quiet.abort(), QUIET_MS);
				const events = (text + part.value).split(/\r?\n\r?\n/);
				text = events.pop() ?? "";
				for (const event of events) {
					const lines = event.split(/\r?\n/).map((line) => line.split(/: ?(.*)/s));
					const { event: kind, data, id } = Object.fromEntries(lines);
					if (kind) onEvent(kind, kind === "receipt" ? JSON.parse(data) : data, id);
				}
			}
		} catch {
		} finally {
			clearTimeout(timer);
		}
	}
}

/** For what shows an invoice. */
export class Dialog extends EventTarget {
	byPerson = false;
	/** @type {(receipt: Receipt) => void} */
	#end = () => {};
	/** @type {Promise<Receipt>} */
	ended = new Promise((resolve) => { this.#end = resolve; });

	/** @param {Paidflow} flow @param {Receipt} receipt @param {Callbacks} on */
	constructor(flow, receipt, on) {
		super();
		this.on = on;
		this.flow = flow;
		this.latest = receipt;
		if (this.over) this.#end(receipt);
	}

	get over() {
		return OVER.has(this.latest.state);
	}

	/** @param {Receipt} receipt */
	tell(receipt) {
		if (receipt.version > this.latest.version) this.latest = receipt;
		this.dispatchEvent(new Event("change"));
		if (this.over) this.#end(this.latest);
	}

	/** Resolves when it can be paid again. */
	async retry() {
		const receipt = await this.flow.command("retry", this.latest);
		this.flow.resume(receipt, this.on).catch(() => {});
	}

	/** A person closes it; the server says what that means. */
	async close() {
		this.byPerson = true;
		try {
			this.tell(await this.flow.command("cancel", this.latest));
		} finally {
			this.byPerson = this.latest.state === "FAILED";
		}
	}
}

/** The wallet of the browser, if it has one (WebLN). @returns {?Wallet} */
function webln() {
	const found = /** @type {any} */ (globalThis).webln;
	return found ? (request) => found.enable().then(() => found.sendPayment(request)) : null;
}

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(ms, signal) {
	return new Promise((resolve) => {
		if (signal?.aborted) resolve();
		setTimeout(resolve, ms);
		signal?.addEventListener("abort", () => resolve());
	});
}
