// Two people who talk, by a client that is made from the contract when it starts.
// node talk.mjs ADDRESS PROTO_FOLDER: prints what the second one was told, as JSON.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [address, folder] = process.argv.slice(2);
const files = ["auth", "conversation", "message"].map((one) => `chat4all/v1/${one}_service.proto`);
const definition = await loader.load(files, {
  includeDirs: [folder],
  keepCase: true,
  longs: Number,
  enums: String,
  oneofs: true,
});
const { chat4all } = grpc.loadPackageDefinition(definition);
const client = (service) => new chat4all.v1[service](address, grpc.credentials.createInsecure());
const auth = client("AuthService");
const conversations = client("ConversationService");
const messages = client("MessageService");

const bearing = (token) => {
  const metadata = new grpc.Metadata();
  if (token) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
};
const ask = (service, method, request, token) =>
  new Promise((resolve, reject) => {
    service[method](request, bearing(token), { deadline: Date.now() + 60_000 }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });

const signUp = async (username) => {
  const proof = { username, password: "correct horse battery" };
  const { user } = await ask(auth, "Register", proof);
  const { tokens } = await ask(auth, "SignIn", proof);
  return { id: user.id, token: tokens.access_token };
};

const ana = await signUp(`ana-${process.pid}`);
const ben = await signUp(`ben-${process.pid}`);
const { conversation } = await ask(
  conversations,
  "CreateConversation",
  { type: "CONVERSATION_TYPE_PRIVATE", member_ids: [ben.id] },
  ana.token,
);

const words = ["Olá", "from", "Node"];
const heard = [];
const stream = messages.StreamMessages({}, bearing(ben.token));
const done = new Promise((resolve, reject) => {
  stream.on("error", reject);
  stream.on("data", (told) => {
    if (told.event === "ready") send().catch(reject);
    if (told.event !== "message") return;
    const { message } = told.message;
    heard.push({ seq: message.seq, text: message.payload.text.text, cursor: told.cursor });
    if (heard.length === words.length) resolve();
  });
});
const saying = (text) => ({
  message: { conversation_id: conversation.id, payload: { text: { text } } },
});
async function send() {
  await ask(messages, "SendMessage", saying(words[0]), ana.token);
  await new Promise((resolve, reject) => {
    const call = messages.SendMessages(bearing(ana.token), (error) =>
      error ? reject(error) : resolve(),
    );
    for (const word of words.slice(1)) call.write(saying(word));
    call.end();
  });
}
await done;
stream.removeAllListeners("error").on("error", () => {}).cancel();

let refused;
try {
  await ask(messages, "GetMessage", { message_id: "nothing" }, ana.token);
} catch (error) {
  refused = error.code;
}
console.log(JSON.stringify({ heard, refused }));
process.exit(0);
