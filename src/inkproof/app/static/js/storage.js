// Where drawings are kept: on the server, or in this browser if the page comes from a static web host.
//
// Both have the same methods, which reject with an Error whose message ends a sentence:
//   keep(drawing)             keeps it and returns it with its id; the same id again changes nothing, and gets the
//                             status 409 if that drawing was deleted
//   find({ label, writer, wrong, before })  returns { drawings, damaged, before, counts }, the newest drawings first
//   counts()                  returns { total, wrong, labels, writers }
//   correct(id, change)       changes label or writer and returns the drawing
//   remove(id)
//   exported()                returns all drawings as a file; only in the browser
// and `terms`, a text for the writer: what is kept, and where.

import { BrowserStorage } from "./browser_storage.js";
import { SERVER } from "./hosting.js";
import { ServerStorage } from "./server_storage.js";

export const storage = SERVER ? new ServerStorage() : new BrowserStorage();
