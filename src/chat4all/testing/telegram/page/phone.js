// The people's phones. Everything goes through the JSON API under /sim.

const $ = (selector, root = document) => root.querySelector(selector);
const chosen = { person: null, chat: null };
let state = { version: -1, bots: [], people: [], groups: [] };
let view = null;
let writing = { reply_to: null, edit: null };

async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(`/sim${path}`, options);
  const result = await answer.json();
  if (!answer.ok) throw new Error(result.error);
  return result;
}

const here = () => `/people/${chosen.person}/chats/${chosen.chat}`;

// Does what a person asked for, and shows why when it cannot be done.
async function act(method, path, body) {
  try {
    const result = await call(method, path, body);
    $("#error").textContent = "";
    return result;
  } catch (error) {
    $("#error").textContent = error.message;
    return null;
  }
}

const chats = () => [
  ...state.bots.map((bot) => ({ id: bot.id, name: `${bot.first_name} (bot)` })),
  ...state.groups
    .filter((group) => group.people.includes(chosen.person))
    .map((group) => ({ id: group.id, name: group.title })),
];

function showPeople() {
  $("#people").replaceChildren(
    ...state.people.map((person) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = person.first_name + (person.username ? ` @${person.username}` : "");
      button.setAttribute("aria-pressed", String(person.id === chosen.person));
      button.addEventListener("click", () => choose(person.id, chosen.chat));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  $("#chat").replaceChildren(
    ...chats().map((chat) => new Option(chat.name, chat.id, false, chat.id === chosen.chat)),
  );
}

function bodyOf(message) {
  if (message.location) return `📍 ${message.location.latitude}, ${message.location.longitude}`;
  if (message.contact) return `👤 ${message.contact.first_name} ${message.contact.phone_number}`;
  if (message.media) {
    const { kind, name } = message.media;
    return [`📎 ${name ?? kind}`, message.caption].filter(Boolean).join(" ");
  }
  return message.text ?? "";
}

const FRAMES = { photo: "img", sticker: "img", video: "video", animation: "video", video_note: "video", voice: "audio", audio: "audio" };

// What shows a file: a picture, a player, or a link to it.
function frame(media) {
  const made = document.createElement(FRAMES[media.kind] ?? "a");
  const address = `/sim/files/${media.file_id}`;
  if (made instanceof HTMLAnchorElement) {
    made.href = address;
    made.download = made.textContent = media.name ?? "file";
  } else {
    made.src = address;
    made.alt = media.name ?? media.kind;
    made.controls = true;
  }
  return made;
}

function messageItem(message) {
  const item = $("#message").content.firstElementChild.cloneNode(true);
  item.dataset.messageId = message.message_id;
  item.classList.toggle("mine", message.mine);
  $(".sender", item).textContent = message.sender;
  $(".body", item).textContent = message.media ? message.caption ?? "" : bodyOf(message);
  if (message.media) $(".body", item).before(frame(message.media));
  const quoted = view.messages.find((other) => other.message_id === message.reply_to);
  $(".quoted", item).textContent = quoted ? bodyOf(quoted) : "";
  $(".quoted", item).hidden = !quoted;
  $(".reactions", item).textContent = message.reactions.map((r) => `${r.emoji} ${r.by}`).join(" ");
  const time = $("time", item);
  time.dateTime = message.sent_at;
  time.textContent = new Date(message.sent_at).toLocaleTimeString() + (message.edited ? " edited" : "");
  const path = `${here()}/messages/${message.message_id}`;
  $(".reply", item).addEventListener("click", () => compose({ reply_to: message }));
  $(".edit", item).addEventListener("click", () => compose({ edit: message }));
  $(".edit", item).hidden = !message.mine || (message.text === null && !message.media);
  $(".delete", item).hidden = !message.mine;
  $(".delete", item).addEventListener("click", () => act("DELETE", path));
  $(".react", item).addEventListener("change", (event) => {
    const emoji = event.target.value;
    act("PUT", `${path}/reaction`, { emoji: emoji === "none" ? null : emoji });
  });
  return item;
}

let shown = "";

function showMessages() {
  const now = JSON.stringify([chosen, view?.messages]);
  if (now === shown) return; // leaves focus and open menus alone
  shown = now;
  const list = $("#messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.replaceChildren(...(view ? view.messages.map(messageItem) : []));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showChat() {
  showMessages();
  const isBot = chosen.chat > 0;
  $("#start").hidden = $("#block").hidden = !isBot;
  $("#block").textContent = view?.blocked ? "Unblock" : "Block";
  $("#doing").textContent = view?.doing.length ? `${view.doing.join(", ")}…` : "";
  // What a bot is doing is shown for some seconds only, and its end is no change of state.
  if (view?.doing.length) setTimeout(refresh, 1000);
}

function compose({ reply_to = null, edit = null }) {
  writing = { reply_to: reply_to?.message_id ?? null, edit: edit?.message_id ?? null };
  $("#context").hidden = !reply_to && !edit;
  $("#context span").textContent = reply_to ? `Reply to: ${bodyOf(reply_to)}` : "Editing";
  const text = $("#composer textarea");
  if (edit) text.value = edit.text ?? edit.caption ?? "";
  text.focus();
}

async function refresh() {
  if (chosen.person === null || chosen.chat === null) return;
  const asked = here();
  const seen = await act("GET", asked);
  if (seen === null || asked !== here()) return; // chosen otherwise meanwhile
  view = seen;
  showChat();
}

async function choose(person, chat) {
  chosen.person = person;
  const known = chats().map((other) => other.id);
  chosen.chat = known.includes(chat) ? chat : known[0] ?? null;
  view = null;
  compose({});
  showPeople();
  showChat();
  await refresh();
}

async function send() {
  const field = $("#composer textarea");
  const text = field.value;
  if (!text.trim()) return;
  const { edit, reply_to } = writing;
  const done = edit
    ? await act("PATCH", `${here()}/messages/${edit}`, { text })
    : await act("POST", `${here()}/messages`, { text, reply_to });
  if (done === null) return;
  field.value = "";
  compose({});
}

const KINDS = { image: "photo", video: "video", audio: "audio" };

async function sendFile(file) {
  const read = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.readAsDataURL(file);
  });
  const media = {
    kind: KINDS[file.type.split("/")[0]] ?? "document",
    data: read.slice(read.indexOf(",") + 1),
    name: file.name,
    mime_type: file.type || "application/octet-stream",
    caption: $("#composer textarea").value,
  };
  const done = await act("POST", `${here()}/messages`, { media, reply_to: writing.reply_to });
  if (done === null) return;
  $("#composer textarea").value = "";
  compose({});
}

async function sendForm(event, path, extra) {
  event.preventDefault();
  const form = event.target;
  const filled = Object.entries(Object.fromEntries(new FormData(form))).filter(([, value]) => value);
  if (await act("POST", path, { ...Object.fromEntries(filled), ...extra() })) form.reset();
}

$("#new-person").addEventListener("submit", (event) => sendForm(event, "/people", () => ({})));
$("#new-group").addEventListener("submit", (event) =>
  sendForm(event, "/groups", () => ({ people: state.people.map((person) => person.id) })));
$("#chat").addEventListener("change", (event) => choose(chosen.person, Number(event.target.value)));
$("#start").addEventListener("click", () => act("POST", `${here()}/start`, {}));
$("#block").addEventListener("click", () => act(view?.blocked ? "DELETE" : "PUT", `${here()}/block`));
$("#cancel").addEventListener("click", () => compose({}));
$("#location").addEventListener("click", () =>
  act("POST", `${here()}/messages`, { location: { latitude: -23.5505, longitude: -46.6333 } }));
$("#contact").addEventListener("click", () =>
  act("POST", `${here()}/messages`, { contact: { phone_number: "+5511987654321", first_name: "Carla" } }));
$("#file").addEventListener("change", async (event) => {
  for (const file of event.target.files) await sendFile(file);
  event.target.value = "";
});
$("#composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("#composer textarea").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
});

for (;;) {
  try {
    state = await call("GET", `/state?since=${state.version}&wait=25`);
  } catch {
    // The simulator is gone; it may come back with other people.
    $("#error").textContent = "The simulator does not answer.";
    state.version = -1;
    await new Promise((resume) => setTimeout(resume, 1000));
    continue;
  }
  const person = state.people.some((p) => p.id === chosen.person) ? chosen.person : state.people[0]?.id ?? null;
  if (person !== chosen.person || !chats().some((chat) => chat.id === chosen.chat)) {
    await choose(person, chosen.chat);
  } else {
    showPeople();
    await refresh();
  }
}
