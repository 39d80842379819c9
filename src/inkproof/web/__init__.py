"""The drawing page and the server behind it: recognition in the browser or by JSON, drawings kept by consent."""
