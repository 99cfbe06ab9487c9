/** Who is in a group, and what its owner and admins may change. */

import { changeGroup, leaveGroup, orTell } from "../actions.js";
import * as api from "../api.js";
import { ChannelIcon } from "../icons.js";
import { t } from "../i18n.js";
import { nameOf, titleOf } from "../people.js";
import { html, useState } from "../preact.js";
import { ownCursor } from "../reducer.js";
import { useSelect } from "../store.js";
import { Dialog } from "./dialog.js";
import { Avatar, IconButton } from "./parts.js";
import { PeoplePicker } from "./people-picker.js";

const ROLES = ["owner", "admin", "member"];

export function Members({ conversationId }) {
  const state = useSelect((whole) => whole);
  const conversation = state.conversations[conversationId];
  const [view, setView] = useState("list"); // "list" | "add" | "leave"
  if (!conversation) return null;
  const mine = ownCursor(state, conversation);
  const mayManage = mine?.role === "owner" || mine?.role === "admin";
  const title = titleOf(state, conversation);
  return html`<${Dialog} title=${t("group.membersOf", { name: title })} testid="members-dialog">
    ${mayManage ? html`<${Rename} conversation=${conversation} />` : null}
    ${view === "add" ? html`<${AddMember} conversation=${conversation} onDone=${() => setView("list")} />` : null}
    ${view === "list"
      ? html`<ul class="rows members">
          ${conversation.members.map(
            (member) => html`<${Member} key=${member.user_id} state=${state} conversation=${conversation} member=${member}
              mayManage=${mayManage} myRole=${mine?.role} />`,
          )}
        </ul>`
      : null}
    ${view === "leave"
      ? html`<${Leave} conversationId=${conversationId} onCancel=${() => setView("list")} />`
      : html`<footer>
          <button type="button" class="secondary danger" data-testid="leave-group" onClick=${() => setView("leave")}>
            ${t("group.leave")}
          </button>
          ${mayManage
            ? html`<button type="button" class="primary" data-testid="add-member"
                onClick=${() => setView(view === "add" ? "list" : "add")}>
                ${view === "add" ? t("action.cancel") : t("group.members")}
              </button>`
            : null}
        </footer>`}
  <//>`;
}

function Rename({ conversation }) {
  const onSubmit = (event) => {
    event.preventDefault();
    const name = event.currentTarget.elements.name.value.trim();
    if (name && name !== conversation.name) {
      orTell(() => changeGroup(conversation.id, () => api.renameConversation(conversation.id, name)));
    }
  };
  return html`<form class="inline-form" onSubmit=${onSubmit}>
    <input name="name" aria-label=${t("group.name")} data-testid="group-rename" maxlength="100" defaultValue=${conversation.name} />
    <button class="secondary">${t("group.rename")}</button>
  </form>`;
}

function AddMember({ conversation, onDone }) {
  const inside = new Set(conversation.members.map((member) => member.user_id));
  const add = async (user) => {
    await orTell(() => changeGroup(conversation.id, () => api.addMember(conversation.id, user.id)));
    onDone();
  };
  return html`<${PeoplePicker} label=${t("chat.find")} testid="add-member" without=${inside} onPick=${add} />`;
}

function Member({ state, conversation, member, mayManage, myRole }) {
  const { user_id: userId, role } = member;
  const name = nameOf(state, userId);
  const user = state.users[userId];
  const isMe = userId === state.me.id;
  const mayChange = mayManage && !isMe && (role !== "owner" || myRole === "owner");
  const change = (work) => orTell(() => changeGroup(conversation.id, work));
  return html`<li class="row static" data-testid="member" data-user-id=${userId}>
    <${Avatar} id=${userId} name=${isMe ? state.me.display_name : name} presence=${state.presence[userId]} />
    <span class="row-main">
      <span class="row-title">${name}</span>
      <span class="row-text">
        ${(user?.channels ?? []).map((item) => html`<${ChannelIcon} key=${item.platform ?? item} channel=${item.platform ?? item} />`)}
        ${mayChange ? null : t(`role.${role}`)}
      </span>
    </span>
    ${mayChange
      ? html`<select aria-label=${t("group.roleOf", { name })} data-testid="member-role" value=${role}
            onChange=${(event) => change(() => api.setRole(conversation.id, userId, event.currentTarget.value))}>
            ${ROLES.filter((item) => item !== "owner" || myRole === "owner").map(
              (item) => html`<option key=${item} value=${item}>${t(`role.${item}`)}</option>`,
            )}
          </select>
          <${IconButton} icon="trash" label=${t("group.removeMember", { name })} class="small danger"
            data-testid="member-remove" onClick=${() => change(() => api.removeMember(conversation.id, userId))} />`
      : null}
  </li>`;
}

function Leave({ conversationId, onCancel }) {
  return html`<p>${t("confirm.leave")}</p>
    <footer>
      <button type="button" class="secondary" onClick=${onCancel}>${t("action.cancel")}</button>
      <button type="button" class="primary danger" data-testid="leave-confirm"
        onClick=${() => orTell(() => leaveGroup(conversationId))}>${t("group.leave")}</button>
    </footer>`;
}
