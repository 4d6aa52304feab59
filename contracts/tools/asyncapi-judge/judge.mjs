// Prints what the parser says of each AsyncAPI file, one JSON document a line.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";

for (const argument of process.argv.slice(2)) {
  const file = resolve(argument);
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf-8"), { source: file });
  const wrong = diagnostics.filter((found) => found.severity <= DiagnosticSeverity.Warning);
  console.log(
    JSON.stringify({
      wrong: wrong.map((found) => ({ path: found.path.join("/"), code: found.code, message: found.message })),
      channels: document ? document.channels().all().map((channel) => channel.address()) : [],
      messages: document ? document.messages().all().map((message) => message.name()) : [],
    }),
  );
}
