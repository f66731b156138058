// The model page: golden rows run when the page opens, code to copy, an input to find among many.
import { offerCopies } from './copy.js';
import { findInputs } from './find_inputs.js';
import { offerGolden } from './golden.js';
import { start } from './live.js';

offerCopies(document);
findInputs();
start({ again: offerGolden(), isRead: true });
