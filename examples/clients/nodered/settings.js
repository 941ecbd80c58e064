// Node-RED with the flow of this folder: npx node-red --settings settings.js --userDir <folder>
const path = require("node:path");

// The flow reads both from the environment.
process.env.SIGNPOST_URL ??= "http://localhost:8080";
process.env.STORE_URL ??= "http://127.0.0.1:9090"; // The policy's base URL, word for word.

module.exports = {
  flowFile: path.join(__dirname, "flows.json"),
  readOnly: true, // Nothing is written, neither here nor in the userDir.
  credentialSecret: false, // There are no credentials: they are the gateway's.
  uiHost: "127.0.0.1",
  httpRequestTimeout: 5000, // Node-RED would wait two minutes.
  telemetry: { enabled: false, updateNotification: false },
};
