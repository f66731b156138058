import "./index.js";
import "./live.js";
