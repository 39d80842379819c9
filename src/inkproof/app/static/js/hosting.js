// What serves the page. `make site` writes another version of this file, for hosts that only send files.

export const SERVER = true; // whether it keeps drawings and predicts for browsers that cannot
export const CATALOG = "api/models"; // the list of models
