/** Ask again and again, while somebody looks. */

import { useEffect, useRef, useState } from "../preact.js";

const SECOND_MS = 1_000;

/**
 * What `load` answers, asked again every second, or every `pause` milliseconds, while the page is looked at, and at once when `keys` change.
 * `again` asks at once and `put` takes a newer answer; what was asked before either of them counts no more.
 */
export function usePolling(load, keys, pause = SECOND_MS) {
  const round = useRef(0);
  const [result, setResult] = useState({ value: null, error: null });
  const [poke, setPoke] = useState(0);
  useEffect(() => {
    const mine = ++round.current;
    let timer = null;
    const tick = async () => {
      if (document.visibilityState === "visible") {
        const answer = await load().then((value) => ({ value, error: null }), (error) => ({ value: null, error }));
        if (round.current !== mine) return;
        setResult((before) => ({ value: answer.value ?? before.value, error: answer.error }));
      }
      timer = setTimeout(tick, pause);
    };
    tick();
    return () => {
      round.current += 1;
      clearTimeout(timer);
    };
  }, [...keys, poke]);
  const again = () => {
    round.current += 1;
    setPoke((count) => count + 1);
  };
  const put = (value) => {
    setResult({ value, error: null });
    again();
  };
  return { ...result, again, put };
}
