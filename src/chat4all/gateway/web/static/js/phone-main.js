/** The entry of the mock phones page. */

import { applyPreferences } from "./preferences.js";
import { html, render } from "./preact.js";
import { t } from "./i18n.js";
import { PhonePage } from "./views/phone.js";

applyPreferences();
document.title = `${t("phone.title")} - Chat4All`;
render(html`<${PhonePage} />`, document.getElementById("app"));
