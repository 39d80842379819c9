// How the page is served. `make site` writes another version of this file, for static web hosts.

export const SERVER = true; // whether it keeps drawings and predicts for browsers that cannot
export const CATALOG = "api/models"; // the list of models
