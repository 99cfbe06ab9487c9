/** How a chosen file will reach those who are on other channels: the server tells, before anything is sent. */

import * as api from "../api.js";
import { useEffect, useState } from "../preact.js";
import { useSelect } from "../store.js";
import { typeOf } from "./kinds.js";

/**
 * What people should know of a file: on which channels it goes as a link or a document, and which do not bring it.
 * @returns {null | {links: string[], documents: string[], blocked: {channel: string, code: string}[]}}
 */
export function useFilePlan(conversationId, { file, name, kind }) {
  const [plan, setPlan] = useState(null);
  const isPlanned = useSelect((state) => hasContacts(state.conversations[conversationId]));

  useEffect(() => {
    let isGone = false;
    setPlan(null);
    if (isPlanned) {
      const unsent = { name, mime_type: typeOf(file), size: file.size };
      api.planFile(conversationId, kind, unsent).then(
        ({ recipients }) => isGone || setPlan(summary(recipients.flatMap(({ channels }) => channels))),
        (error) => console.warn("how the file will go is not known:", error.message),
      );
    }
    return () => (isGone = true);
  }, [conversationId, isPlanned, file]);
  return plan;
}

function summary(steps) {
  const going = steps.filter(({ blocked }) => !blocked);
  const by = (form) => [...new Set(going.filter((step) => step.file_as === form).map(({ channel }) => channel))];
  const blocked = new Map(steps.filter((step) => step.blocked).map(({ channel, blocked: code }) => [channel, { channel, code }]));
  return { links: by("link"), documents: by("document"), blocked: [...blocked.values()] };
}

/** Others have the file as it is, in an app. */
const hasContacts = (conversation) => conversation?.members.some(({ kind }) => kind === "contact") ?? false;
