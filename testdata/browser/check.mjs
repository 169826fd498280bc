// Opens reports in Chromium and says what is wrong with them:
//
//	ERR32_BROWSER_MODULES=FOLDER node check.mjs [--shots FOLDER] FILE.html…
//
// FOLDER holds node_modules with what package.json names. Each file is opened as
// a phone, a screen and paper show it, light and dark. A line is printed for each
// fault; the exit code is 1 if there is one, 2 if the checks could not be done.
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { tmpdir } from "node:os";

const modules = process.env.ERR32_BROWSER_MODULES;
if (!modules) {
	console.error("ERR32_BROWSER_MODULES does not name the folder with node_modules");
	process.exit(2);
}
const require = createRequire(join(resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const args = process.argv.slice(2);
let shots = "";
if (args[0] === "--shots") {
	shots = args[1];
	args.splice(0, 2);
	mkdirSync(shots, { recursive: true });
}

const views = [];
for (const colorScheme of ["light", "dark"]) {
	views.push({ name: `360 ${colorScheme}`, width: 360, height: 740, media: "screen", colorScheme });
	views.push({ name: `1280 ${colorScheme}`, width: 1280, height: 900, media: "screen", colorScheme });
	// A4 less the page's margins of 14 mm, at 96 dots per inch.
	views.push({ name: `print ${colorScheme}`, width: 688, height: 1017, media: "print", colorScheme });
}

let faults = 0;
const seen = {};
function fault(file, view, text) {
	faults++;
	console.log(`${basename(file)}: ${view}: ${text}`);
}

// inspect runs in the page.
function inspect({ timeline }) {
	const faults = [];
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) {
		const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
		faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth}; ${wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" | ")}`);
	}
	for (const a of document.querySelectorAll("a[href]")) {
		const href = a.getAttribute("href");
		if (!href.startsWith("#") || !document.getElementById(href.slice(1))) faults.push(`a link to nowhere: ${href}`);
	}
	const ids = new Set();
	for (const e of document.querySelectorAll("[id]")) {
		if (ids.has(e.id)) faults.push(`the id ${e.id} twice`);
		ids.add(e.id);
	}
	if (!timeline) return faults;
	const svg = document.querySelector("svg.timeline");
	const box = svg?.getBoundingClientRect();
	if (!svg) return [...faults, "no timeline"];
	if (!svg.checkVisibility({ visibilityProperty: true, opacityProperty: true })) faults.push("the timeline is not visible");
	if (box.width < 250 || box.height < 80) faults.push(`the timeline is ${box.width} by ${box.height}`);
	if (!svg.querySelector(".mark")) faults.push("no mark on the timeline");
	// Letters that lie on each other, or beside the page, cannot be read.
	const texts = [...svg.querySelectorAll("text")].map((e) => [e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width > 0);
	for (const [i, [text, a]] of texts.entries()) {
		if (a.left < 0 || a.right > root.clientWidth) faults.push(`${text} is beside the page`);
		for (const [other, b] of texts.slice(i + 1)) {
			if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom) faults.push(`${text} lies on ${other}`);
		}
	}
	return faults;
}

const profile = mkdtempSync(join(tmpdir(), "err32-chromium-"));
const context = await chromium.launchPersistentContext(profile, {
	executablePath: "/usr/bin/chromium",
	headless: true,
	args: [
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
	],
});
try {
	for (const file of args) {
		const address = pathToFileURL(resolve(file)).href;
		let rules = 0;
		for (const view of views) {
			const page = await context.newPage();
			const say = (text) => fault(file, view.name, text);
			page.on("console", (m) => say(`console: ${m.text()}`));
			page.on("pageerror", (e) => say(`error: ${e.message}`));
			page.on("request", (r) => {
				if (r.url() !== address && r.url() !== "data:,") say(`request for ${r.url()}`);
			});
			await page.setViewportSize({ width: view.width, height: view.height });
			await page.emulateMedia({ media: view.media, colorScheme: view.colorScheme });
			await page.goto(address);
			const timeline = (await page.locator("#events").count()) > 0;
			for (const text of await page.evaluate(inspect, { timeline })) say(text);
			// The page lets no script run, this one neither, unless it comes by the debugger.
			const session = await context.newCDPSession(page);
			await session.send("Page.setBypassCSP", { enabled: true });
			await page.evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
			// Of a thousand rows of a table one tells as much as all.
			const result = await page.evaluate(async () => {
				for (const rows of document.querySelectorAll("tbody")) while (rows.rows.length > 60) rows.rows[40].remove();
				return await globalThis.axe.run(document, { resultTypes: ["violations"] });
			});
			rules = Math.max(rules, result.passes.length);
			for (const v of result.violations) say(`axe: ${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
			if (shots) {
				const name = join(shots, `${basename(file, ".html")} ${view.name}`.replaceAll(" ", "-"));
				await page.screenshot({ path: `${name}.png`, fullPage: true });
				if (view.media === "print" && view.colorScheme === "light") await page.pdf({ path: `${name}.pdf`, preferCSSPageSize: true, format: "A4" });
			}
			await page.close();
		}
		if (rules < 10) fault(file, "all", `axe passed ${rules} rules: it did not look`);
		seen[file] = rules;
	}
} finally {
	await context.close();
	rmSync(profile, { recursive: true, force: true });
}
console.log(`${args.length} files in ${views.length} views, ${faults} faults`);
process.exitCode = faults ? 1 : 0;
