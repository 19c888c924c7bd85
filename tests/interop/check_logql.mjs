// Reads expressions of LogQL from stdin, one in each line, and names the first that Grafana's own grammar does not take.
import { parser } from "@grafana/lezer-logql";
import { readFileSync } from "node:fs";

const expressions = readFileSync(0, "utf8").split("\n").filter((line) => line.trim() !== "");
for (const expression of expressions) {
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) {
        console.error(`at ${node.from}: ${expression}`);
        process.exit(1);
      }
    },
  });
}
console.log(expressions.length);
