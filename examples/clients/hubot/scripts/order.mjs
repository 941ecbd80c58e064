// Description:
//   Asks the store for an order, through Signpost.
//
// Configuration:
//   SIGNPOST_URL - the gateway, http://localhost:8080 by default
//   TENANT - on whose behalf the store is asked, acme by default
//
// Commands:
//   hubot order <number> - says where the order is

const gateway = process.env.SIGNPOST_URL ?? "http://localhost:8080";
const tenant = process.env.TENANT ?? "acme";

async function answer(order) {
  let response;
  try {
    response = await fetch(`${gateway}/store/orders/${encodeURIComponent(order)}`, {
      headers: { "X-Tenant-ID": tenant },
      signal: AbortSignal.timeout(5000),
    });
    await response.arrayBuffer(); // The connection is free for the next question.
  } catch {
    response = new Response(); // The gateway itself is away: no route, the last branch.
  }
  switch (response.headers.get("signpost-route")) {
    case "shipped": {
      const eta = decodeURIComponent(response.headers.get("signpost-var-eta"));
      return `Order ${order} is on its way and arrives ${eta}.`;
    }
    case "not_found":
      return `I cannot find order ${order}.`;
    case "busy":
      return `That was a lot of questions. Please ask again in ${response.headers.get("retry-after")} seconds.`;
    default:
      return "The store is not answering. Let me ask a colleague.";
  }
}

export default (robot) => {
  robot.respond(/order (\S+)/i, async (chat) => chat.send(await answer(chat.match[1])));
};
