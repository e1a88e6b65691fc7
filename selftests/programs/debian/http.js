// SPDX-License-Identifier: GPL-2.0
// An HTTP server and a client, one connection for each request:
// http.js serve PORT | ask PORT TIMES
const http = require("http");
const [mode, port, times] = process.argv.slice(2);

function ask(left, good) {
	if (!left) {
		console.log(`${good} answers`);
		return;
	}
	http.get({ host: "127.0.0.1", port, agent: false }, (answer) => {
		let text = "";

		answer.on("data", (part) => { text += part; });
		answer.on("close", () => ask(left - 1, good + (text === "hello\n")));
	}).on("error", () => ask(left - 1, good));
}

if (mode === "serve")
	http.createServer((request, answer) => answer.end("hello\n")).listen(port, "127.0.0.1");
else
	ask(Number(times), 0);
