/** The entry of the page for operators. */

import { applyPreferences } from "./preferences.js";
import { html, render } from "./preact.js";
import { t } from "./i18n.js";
import { AdminPage } from "./views/admin/page.js";
import { SignedIn } from "./views/page.js";

applyPreferences();
document.title = `${t("admin.title")} - Chat4All`;
render(html`<${SignedIn} view=${AdminPage} />`, document.getElementById("app"));
