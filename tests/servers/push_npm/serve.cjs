// Runs web-push-testing on 127.0.0.1 alone, and says at which port: node serve.cjs
const { PushApiModel } = require("web-push-testing/src/PushApiModel.js");
const WebPushTestingServer = require("web-push-testing/src/server.js");

const model = new PushApiModel();
const server = new WebPushTestingServer(model, 0);
server.setRequestHandlers();
const listening = server._app.listen(0, "127.0.0.1", () => {
  const { port } = listening.address();
  model.notifyUrl = `http://127.0.0.1:${port}/notify/`;
  console.log(port);
});
process.stdin.on("end", () => process.exit(0)).resume();
