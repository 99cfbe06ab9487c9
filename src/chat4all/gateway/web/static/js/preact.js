/** The one door to the vendored view library. */

import { Component, h, html } from "../vendor/htm-preact/standalone.module.js";

export {
  Component,
  h,
  html,
  render,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/htm-preact/standalone.module.js";

/**
 * A component that renders again only when one of its props is another value.
 * @param {(props: object) => any} view
 */
export function memo(view) {
  return class Memo extends Component {
    shouldComponentUpdate(next) {
      const names = new Set([...Object.keys(this.props), ...Object.keys(next)]);
      return [...names].some((name) => this.props[name] !== next[name]);
    }

    render(props) {
      return h(view, props);
    }
  };
}
