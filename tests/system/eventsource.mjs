// Follows GET /v1/events by the package eventsource, as a service of the host would, and prints a line
// of JSON for each thing that it hears.
//
//	node eventsource.mjs FOLDER URL TYPE...
//
// FOLDER is where npm installed the package. The token comes in MIXPORT_TOKEN.
import { createRequire } from "node:module";

const [folder, url, ...types] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { EventSource } = require("eventsource");
const { createParser } = require("eventsource-parser");

const say = (what) => console.log(JSON.stringify(what));

// The package's own parser once more, for what the package keeps to itself.
async function overhear(body) {
	const parser = createParser({
		onRetry: (retry) => say({ retry }),
		onError: (error) => say({ fault: error.message }),
	});
	try {
		for await (const piece of body.pipeThrough(new TextDecoderStream())) parser.feed(piece);
	} catch {
		// The daemon went away; the package says so.
	}
}

async function ask(input, init) {
	say({ asked: init.headers["Last-Event-ID"] ?? null });
	const headers = { ...init.headers, Authorization: `Bearer ${process.env.MIXPORT_TOKEN}` };
	const { ok, status, redirected, headers: answered, body } = await fetch(input, { ...init, headers });
	if (!ok) return { status, redirected, headers: answered, body };
	const [own, copy] = body.tee();
	overhear(copy);
	return { status, redirected, headers: answered, body: own };
}

const source = new EventSource(url, { fetch: ask });
for (const type of ["message", ...types])
	source.addEventListener(type, ({ lastEventId, data }) =>
		say({ type, id: lastEventId, data: JSON.parse(data) }));
source.addEventListener("open", () => say({ open: Date.now() }));
source.addEventListener("error", ({ code }) =>
	say({ error: Date.now(), code: code ?? null, closed: source.readyState === source.CLOSED }));
