import "./model.js";
import "./live.js";
