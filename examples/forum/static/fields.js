// @ts-check
// What a form holds, as the fields of an action. "post.title" is a field in a field; attributes say
// what else there is to know: data-number, data-list, data-json, data-optional.

/** @param {HTMLFormElement} form */
export function fieldsOf(form) {
	/** @type {Record<string, any>} */
	const fields = {};
	for (const field of /** @type {Iterable<HTMLInputElement>} */ (form.elements)) {
		const ticked = field.type === "radio" || field.type === "checkbox";
		if (!field.name || (ticked && !field.checked)) continue;
		const value = valueOf(field), path = field.name.split("."), last = path.pop() ?? "";
		const into = path.reduce((parent, name) => (parent[name] ??= {}), fields);
		if ("list" in field.dataset) (into[last] ??= []).push(...(value === "" ? [] : [value]));
		else if (value !== "" || !("optional" in field.dataset)) into[last] = value;
	}
	return fields;
}

/** @param {HTMLInputElement} field @returns {any} */
function valueOf(field) {
	if ("json" in field.dataset) return JSON.parse(field.value);
	const isNumber = field.type === "number" || "number" in field.dataset;
	return isNumber && field.value !== "" ? Number(field.value) : field.value;
}
