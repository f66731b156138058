import "./batch.js";
import "./check.js";
import "./live.js";
