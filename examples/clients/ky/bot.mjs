// A bot that reads JSON bodies alone, and asks for an order through Signpost: node bot.mjs <order> [<tenant>]
import ky from "ky";

const [order, tenant = "acme"] = process.argv.slice(2);
const signpost = ky.create({
  prefixUrl: process.env.SIGNPOST_URL ?? "http://localhost:8080",
  headers: { "X-Tenant-ID": tenant, "Signpost-Reply": "envelope" },
  timeout: 4000,
});

async function answer(order) {
  let reply;
  try {
    reply = await signpost.get(`store/orders/${encodeURIComponent(order)}`).json();
  } catch {
    reply = {}; // The gateway itself is away: no route, the last branch.
  }
  switch (reply.route) {
    case "shipped":
      return `Order ${order} is on its way and arrives ${reply.vars.eta}.`;
    case "not_found":
      return `I cannot find order ${order}.`;
    case "busy":
      return `That was a lot of questions. Please ask again in ${reply.error.retry_after} seconds.`;
    default:
      return "The store is not answering. Let me ask a colleague.";
  }
}

console.log(await answer(order));
