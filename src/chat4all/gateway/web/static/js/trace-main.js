/** The entry of the page that tells the way of a message. */

import { applyPreferences } from "./preferences.js";
import { html, render } from "./preact.js";
import { t } from "./i18n.js";
import { SignedIn } from "./views/page.js";
import { TracePage } from "./views/trace.js";

applyPreferences();
document.title = `${t("trace.title")} - Chat4All`;
render(html`<${SignedIn} view=${TracePage} />`, document.getElementById("app"));
