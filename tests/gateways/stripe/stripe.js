// Comes after localstripe's script. Its confirmCardPayment takes no card and begins with 3-D Secure
// (github.com/adrienverge/localstripe/issues/253); this one does what docs.stripe.com/js says.
{
	const local = Stripe;
	const FAILED = { type: "invalid_request_error", code: "payment_intent_authentication_failure", message: "Your bank did not let this pass." };
	const INCOMPLETE = { type: "validation_error", message: "Your card number is incomplete." };

	Stripe = (key) => {
		const post = async (path, sent) => {
			const body = new URLSearchParams({ key, ...sent });
			const told = await (await fetch(LOCALSTRIPE_BASE_API + path, { method: "POST", body })).json();
			if (told.error) throw told.error;
			return told;
		};
		const confirmed = async (client_secret, card) => {
			if (!card.value) throw INCOMPLETE;
			const fields = Object.entries(card.value.card).map(([name, value]) => [`card[${name}]`, value]);
			const { id } = await post("/v1/payment_methods", { type: "card", ...Object.fromEntries(fields) });
			const payment = `/v1/payment_intents/${client_secret.split("_secret_")[0]}`;
			const told = await post(`${payment}/confirm`, { client_secret, payment_method: id });
			if (told.status !== "requires_action") return told;
			const success = await openModal("3-D Secure", "Complete authentication", "Fail authentication");
			const then = await post(`${payment}/_authenticate`, { client_secret, success });
			if (then.status === "requires_payment_method") throw FAILED;
			return then;
		};
		const confirmCardPayment = (client_secret, { payment_method: { card } }) =>
			confirmed(client_secret, card).then(
				(paymentIntent) => ({ paymentIntent }),
				(error) => ({ error: error.type ? error : { type: "api_connection_error" } }),
			);
		return { ...local(key), confirmCardPayment };
	};
}
