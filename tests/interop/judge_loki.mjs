// Says which alerts of a rules file fire, when, over a log: a stand-in for the ruler of Grafana Loki, which is in no registry.
//
// It reads the rules as YAML and their expressions by Grafana's own grammar, and computes as Loki's documentation says, but
// only what our rules use: whatever else it meets is an error. stdin has {rules, labels, lines: [{at, line}], until}, in
// milliseconds; stdout gets {alert, labels, value, from, over} for each time that one fires, in minutes of Unix time.
import { parser } from "@grafana/lezer-logql";
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const MINUTE = 60_000;
const UNITS = { s: 1000, m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };

const { rules, labels: stream, lines, until } = JSON.parse(readFileSync(0, "utf8"));
const fail = (what) => {
  throw new Error(what);
};

/** A node of the grammar with its text, whose children are exactly of these kinds; a kind with `?` may be left out. */
function children(node, ...kinds) {
  const found = node.children.slice();
  const taken = kinds.map((kind) => {
    const is = (child) => kind.replace("?", "").split("|").includes(child?.name);
    if (is(found[0])) return found.shift();
    return kind.endsWith("?") ? undefined : fail(`no ${kind} where one should be: ${node.text}`);
  });
  if (found.length > 0) fail(`nobody knows ${found[0].name} here: ${node.text}`);
  return taken;
}

function tree(text) {
  const stack = [{ children: [] }];
  parser.parse(text).iterate({
    enter({ type, name, from, to }) {
      if (type.isError) fail(`at ${from} this is no LogQL: ${text}`);
      const node = { name, text: text.slice(from, to), children: [] };
      stack.at(-1).children.push(node);
      stack.push(node);
    },
    leave: () => void stack.pop(),
  });
  return stack[0].children[0];
}

function duration(text) {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? fail(`no duration: ${text}`);
  return Number(count) * UNITS[unit];
}

const string = ({ text }) => (text.startsWith("`") ? text.slice(1, -1) : JSON.parse(text));

/** A condition on labels. Regular expressions match as a whole; a label that is missing is empty. */
function matcher(node) {
  const [label, compare, value] = children(node, "Identifier", "Eq|Neq|Re", "String");
  const wanted = string(value);
  const whole = compare.name === "Re" ? new RegExp(`^(?:${wanted})$`) : undefined;
  return (labels) => {
    const found = labels[label.text] ?? "";
    return whole ? whole.test(found) : (found === wanted) === (compare.name === "Eq");
  };
}

/** `json`: a label for each field, those inside of others by all their names, `_extracted` behind what the stream has. */
function json(labels, line) {
  let fields;
  try {
    fields = JSON.parse(line);
  } catch {}
  if (fields === null || typeof fields !== "object" || Array.isArray(fields)) {
    return { ...labels, __error__: "JSONParserErr" };
  }
  const found = { ...labels };
  const add = (name, value) => {
    if (value === null || Array.isArray(value)) return;
    if (typeof value === "object") {
      Object.entries(value).forEach(([inner, value]) => add(`${name}_${inner}`, value));
      return;
    }
    name = name.replace(/[^A-Za-z0-9_]/g, "_");
    found[name in labels ? `${name}_extracted` : name] = String(value);
  };
  Object.entries(fields).forEach(([name, value]) => add(name, value));
  return found;
}

/** Of the templates only this: one number for the events that are named, and another one for all others. */
function template(text) {
  const form = /^\{\{ if eq \.(\w+)((?: "[^"]*")+) \}\}(\d+)\{\{ else \}\}(\d+)\{\{ end \}\}$/;
  const [, label, names, yes, no] = form.exec(text) ?? fail(`nobody knows this template: ${text}`);
  const known = names.split('"').filter((_, index) => index % 2 === 1);
  return (labels) => (known.includes(labels[label] ?? "") ? yes : no);
}

/** What becomes of a line's labels; nothing if the line is dropped. */
function stage(node) {
  const [, what] = children(node, "Pipe", "LabelParser|LabelFilter|LabelFormatExpr");
  if (what.name === "LabelParser") {
    children(what, "Json");
    return json;
  }
  if (what.name === "LabelFilter") {
    const is = matcher(children(what, "Matcher")[0]);
    return (labels) => (is(labels) ? labels : undefined);
  }
  const [, formats] = children(what, "LabelFormat", "LabelsFormat");
  const [label, , value] = children(children(formats, "LabelFormatMatcher")[0], "Identifier", "Eq", "String");
  const format = template(string(value));
  return (labels) => ({ ...labels, [label.text]: format(labels) });
}

function stages(node) {
  const [before, last] = children(node, "PipelineExpr?", "PipelineStage");
  return [...(before ? stages(before) : []), stage(last)];
}

/** The names of a list, which the grammar nests. */
function names(node) {
  const [before, last] = children(node, "Labels?", "Identifier");
  return [...(before ? names(before) : []), last.text];
}

/** The labels by which it is grouped, as far as they are there. */
function grouping(node) {
  const wanted = names(children(node, "By", "Labels")[1]);
  return (labels) => Object.fromEntries(wanted.filter((name) => labels[name]).map((name) => [name, labels[name]]));
}

function grouped(elements, of) {
  const groups = new Map();
  for (const element of elements) {
    const labels = of(element.labels);
    const key = JSON.stringify(Object.entries(labels).sort());
    if (!groups.has(key)) groups.set(key, { labels, values: [] });
    groups.get(key).values.push(element.value);
  }
  return [...groups.values()];
}

/** count_over_time and last_over_time: after the begin of the range, up to and with its end. */
function overTime(node) {
  const [operation, range, by] = children(node, "RangeOp", "LogRangeExpr", "Grouping?");
  const [{ name }] = children(operation, "CountOverTime|LastOverTime");
  const isLast = name === "LastOverTime";
  const unwraps = isLast ? ["UnwrapExpr"] : [];
  const [selector, pipeline, ...rest] = children(range, "Selector", "PipelineExpr", ...unwraps, "Range");
  const matchers = children(selector, "Matchers")[0];
  const isStream = children(matchers, "Matcher").map(matcher);
  const unwrapped = isLast ? children(rest[0], "Pipe", "Unwrap", "Identifier")[2].text : undefined;
  const length = duration(children(rest.at(-1), "Duration")[0].text);
  if (isLast !== (by !== undefined)) fail(`wants labels if and only if it takes the last one: ${node.text}`);
  const group = by ? grouping(by) : (labels) => labels;
  const [steps, taken] = [stages(pipeline), []];
  for (const { at, line } of isStream.every((is) => is(stream)) ? lines : []) {
    const labels = steps.reduce((labels, stage) => labels && stage(labels, line), stream);
    if (labels === undefined || (isLast && !labels[unwrapped])) continue;
    const value = isLast ? Number(labels[unwrapped]) : 1;
    if (labels.__error__ || Number.isNaN(value)) fail(`Loki refuses to compute with this line: ${line}`);
    taken.push({ at, value, labels: group(labels) });
  }
  taken.sort((one, other) => one.at - other.at);
  return (now) =>
    grouped(taken.filter(({ at }) => now - length < at && at <= now), (labels) => labels).map(({ labels, values }) => ({
      labels,
      value: isLast ? values.at(-1) : values.length,
    }));
}

/** What an expression is at a time: elements with labels and a value. */
function expression(node) {
  switch (node.name) {
    case "LogQL":
    case "Expr":
    case "MetricExpr":
      return expression(children(node, "Expr|MetricExpr|BinOpExpr|VectorAggregationExpr|RangeAggregationExpr")[0]);
    case "RangeAggregationExpr":
      return overTime(node);
    case "VectorAggregationExpr": {
      const [operation, by, inner] = children(node, "VectorOp", "Grouping", "MetricExpr");
      const isSum = children(operation, "Sum|Count")[0].name === "Sum";
      const [group, elements] = [grouping(by), expression(inner)];
      const total = (values) => (isSum ? values.reduce((sum, value) => sum + value, 0) : values.length);
      return (now) => grouped(elements(now), group).map(({ labels, values }) => ({ labels, value: total(values) }));
    }
    case "BinOpExpr": {
      const [left, , modifier, right] = children(node, "Expr", "Gtr", "BinOpModifier", "Expr");
      children(modifier);
      const [elements, limit] = [expression(left), Number(right.text)];
      if (Number.isNaN(limit)) fail(`only numbers are compared with: ${node.text}`);
      return (now) => elements(now).filter(({ value }) => value > limit);
    }
    default:
      return fail(`nobody knows ${node.name}: ${node.text}`);
  }
}

/** When an alert fires: for each set of labels, from when on and when it is over. */
function fires({ alert, expr, for: pending = "0s" }) {
  const [elements, wait] = [expression(tree(expr.trim())), duration(pending)];
  const [active, told] = [new Map(), []];
  for (let now = Math.floor(lines[0].at / MINUTE) * MINUTE; now <= until; now += MINUTE) {
    const found = new Map(elements(now).map((element) => [JSON.stringify(element.labels), element]));
    for (const [key, since] of active) {
      if (!found.has(key)) {
        if (since.firing) since.firing.over = now / MINUTE;
        active.delete(key);
      }
    }
    for (const [key, { labels, value }] of found) {
      if (!active.has(key)) active.set(key, { at: now });
      const since = active.get(key);
      if (!since.firing && now - since.at >= wait) {
        since.firing = { alert, labels, value, from: now / MINUTE, over: null };
        told.push(since.firing);
      }
    }
  }
  return told;
}

for (const group of parse(rules).groups) {
  for (const rule of group.rules) fires(rule).forEach((firing) => console.log(JSON.stringify(firing)));
}
