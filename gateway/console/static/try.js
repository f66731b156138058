import "./form.js";
import "./predict.js";
import "./result.js";
import "./snippets.js";
import "./whatif.js";
import "./plot.js";
import "./states.js";
import "./live.js";
