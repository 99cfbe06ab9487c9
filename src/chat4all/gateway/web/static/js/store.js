/** The state of the screen: one object, replaced by a reducer, watched by the views. */

import { useLayoutEffect, useRef, useState } from "./preact.js";
import { initialState, reduce } from "./reducer.js";

export function createStore(reducer, initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    dispatch(action) {
      const next = reducer(state, action);
      if (next === state) return;
      state = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store of this page. */
export const store = createStore(reduce, initialState);

/**
 * A part of the state; the view renders again when that part is another value.
 * @template T
 * @param {(state: typeof initialState) => T} select returns a value that is the same object while nothing changed
 * @returns {T}
 */
export function useSelect(select) {
  const [, renderAgain] = useState(0);
  const shown = useRef(null);
  shown.current = { select, value: select(store.get()) };
  useLayoutEffect(() => {
    const check = () => {
      if (shown.current.select(store.get()) !== shown.current.value) renderAgain((count) => count + 1);
    };
    check();
    return store.subscribe(check);
  }, []);
  return shown.current.value;
}
