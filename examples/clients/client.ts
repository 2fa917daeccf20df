// Searches a collection by meaning, without a package: node client.ts products "something to keep coffee hot"
import { readFileSync } from "node:fs";

type Hit = { _id: string; _score: number; _source: Record<string, unknown> };
const [collection, text] = process.argv.slice(2);
const { STACK_OUTPUTS, SEARCH_URL, SEARCH_USERNAME, SEARCH_PASSWORD } = process.env as Record<string, string>;
const outputs = JSON.parse(readFileSync(STACK_OUTPUTS, "utf8")).collections[collection]; // pulumi stack output --json
const body: string = outputs.neural.replaceAll("{{text}}", () => JSON.stringify(text));
const authorization = "Basic " + Buffer.from(`${SEARCH_USERNAME}:${SEARCH_PASSWORD}`).toString("base64");
const headers = { "content-type": "application/json", authorization };
const response = await fetch(`${SEARCH_URL}/${outputs.alias}/_search`, { method: "POST", headers, body });
if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
const found: { hits: { hits: Hit[] } } = await response.json();
for (const hit of found.hits.hits) console.log([hit._id, hit._score, JSON.stringify(hit._source)].join("\t"));
