/** Ask again and again, while somebody looks. */

import { useEffect, useState } from "../preact.js";

const EVERY_MS = 1_000;

/** What `load` answers, asked again every second while the page is looked at, and at once when `keys` change. */
export function usePolling(load, keys) {
  const [result, setResult] = useState({ value: null, error: null });
  const [poke, setPoke] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    let timer = null;
    const tick = async () => {
      if (document.visibilityState === "visible") {
        const answer = await load().then((value) => ({ value, error: null }), (error) => ({ value: null, error }));
        if (!isCurrent) return;
        setResult((before) => ({ value: answer.value ?? before.value, error: answer.error }));
      }
      timer = setTimeout(tick, EVERY_MS);
    };
    tick();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [...keys, poke]);
  return { ...result, again: () => setPoke((count) => count + 1) };
}
