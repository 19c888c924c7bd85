// A published OAuth2 server, driven by a test: commands come in as lines, what it did goes out as lines of JSON.
//
// Commands: "lifetime SECONDS" of access tokens, "forget" every login, "narrow" the permissions of the next one, "hold"
// every answer until "release", "refuse" everything in words that repeat it, answer "with" other values (JSON).

import { ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { OAuth2Server } from "oauth2-mock-server";

const server = new OAuth2Server();
let lifetime = 3600;
let number = 0;
let refresh;
let narrow = false;
let scope;
let refusing = false;
let others = {};

// While an answer is held, what it tells of has been done already.
let held;
const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (...parts) {
  if (held === undefined) return end.apply(this, parts);
  held.push(() => end.apply(this, parts));
  return this;
};

// What a careless provider says, and one that wants to look like our log.
const repeat = (asked) =>
  `${JSON.stringify(asked)} \u001b[2J\nERROR ${new URLSearchParams(asked)} ${"x".repeat(900_000)}`;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

server.service.on("beforeAuthorizeRedirect", (_redirect, request) => {
  scope = request.query.scope;
});

server.service.on("beforeResponse", (response, request) => {
  const asked = request.body;
  if (asked.client_secret !== "client-secret") {
    response.statusCode = 401;
    response.body = { error: "invalid_client" };
  } else if (refusing) {
    response.statusCode = 400;
    response.body = { error: "invalid_grant", error_description: repeat(asked) };
  } else if (asked.grant_type === "refresh_token" && asked.refresh_token !== refresh) {
    response.statusCode = 400;
    response.body = { error: "invalid_grant", error_description: "Token has been expired or revoked." };
  } else if (response.statusCode === 200) {
    number += 1;
    refresh = `refresh-secret-${number}`;
    response.body = {
      access_token: `access-secret-${number}`,
      token_type: "Bearer",
      expires_in: lifetime,
      refresh_token: refresh,
      scope: narrow ? "openid" : scope,
      ...others,
    };
    narrow = false;
  }
  const secrets = [asked.code, asked.code_verifier, asked.refresh_token, asked.client_secret].filter(Boolean);
  say({ event: "token", grant: asked.grant_type, status: response.statusCode, number, secrets });
});

// This route leaves the body of the request to others.
server.service.on("beforeRevoke", (_response, request) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    say({ event: "revoked", current: new URLSearchParams(body).get("token") === refresh });
    refresh = undefined;
  });
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, value] = line.split(/ (.*)/);
  if (command === "lifetime") lifetime = Number(value);
  if (command === "forget") refresh = undefined;
  if (command === "narrow") narrow = true;
  if (command === "refuse") refusing = true;
  if (command === "with") others = JSON.parse(value);
  if (command === "hold") held = [];
  if (command === "release") {
    const waiting = held;
    held = undefined;
    waiting.forEach((answer) => answer());
  }
  say({ event: "done", command });
}).on("close", () => process.exit(0));

await server.issuer.keys.generate("RS256");
await server.start(0, "127.0.0.1");
say({ event: "ready", port: server.address().port });
