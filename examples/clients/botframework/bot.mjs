// A Bot Framework bot that asks for an order through Signpost, without Azure: node bot.mjs [<order> [<tenant>]]
import { createInterface } from "node:readline";

import { ConversationState, MemoryStorage, TestAdapter, useBotState } from "botbuilder";
import { DialogManager } from "botbuilder-dialogs";
import adaptive from "botbuilder-dialogs-adaptive";

const {
  AdaptiveDialog, Case, HttpMethod, HttpRequest, OnIntent, OnUnknownIntent, RegexRecognizer, SendActivity,
  SwitchCondition, TemplateEngineLanguageGenerator,
} = adaptive;

const gateway = process.env.SIGNPOST_URL ?? "http://localhost:8080";
const [order, tenant = process.env.TENANT ?? "acme"] = process.argv.slice(2);

const ask = new HttpRequest(HttpMethod.GET, `${gateway}/store/orders/\${uriComponent(@number)}`, {
  "X-Tenant-ID": "=turn.activity.conversation.tenantId",
});
ask.configure({ resultProperty: "turn.answer" });

const branch = new SwitchCondition(
  "turn.answer.headers['signpost-route']",
  [new SendActivity("The store is not answering. Let me ask a colleague.")],
  [
    new Case("shipped", [
      new SendActivity("Order ${@number} is on its way and arrives ${uriComponentToString(turn.answer.headers['signpost-var-eta'])}."),
    ]),
    new Case("not_found", [new SendActivity("I cannot find order ${@number}.")]),
    new Case("busy", [
      new SendActivity("That was a lot of questions. Please ask again in ${turn.answer.headers['retry-after']} seconds."),
    ]),
  ],
);

const dialog = new AdaptiveDialog("orders").configure({
  recognizer: new RegexRecognizer().configure({ intents: [{ intent: "Order", pattern: "order (?<number>\\S+)" }] }),
  generator: new TemplateEngineLanguageGenerator(),
  triggers: [
    new OnIntent("Order", [], [ask, branch]),
    new OnUnknownIntent([new SendActivity("Which order? Please tell me its number.")]),
  ],
});

// The adapter stands for the channel. Another one, such as CloudAdapter, runs the same dialog.
const manager = new DialogManager(dialog);
const adapter = new TestAdapter((context) => manager.onTurn(context), {
  conversation: { id: "example", tenantId: tenant },
});
useBotState(adapter, new ConversationState(new MemoryStorage()));

async function converse(messages) {
  for await (const message of messages) {
    await adapter.send(message).startTest();
    for (let reply; (reply = adapter.getNextReply()); ) {
      console.log(reply.text);
    }
  }
}

await converse(order ? [`order ${order}`] : createInterface({ input: process.stdin }));
