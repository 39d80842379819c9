"""How a request is turned down: an HTTP status and one line that says what to mend, as JSON."""

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge


class Refusal(Exception):
    """A request that is not served; `status` is 4xx, or 503 where the machine and not the request is at fault."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def refuse_in_json(app: Flask) -> None:
    """Answer every refusal, and every error of HTTP that Flask raises, with {"error": reason}."""

    @app.errorhandler(Refusal)
    def refused(error: Refusal) -> tuple[Response, int]:
        return jsonify(error=error.reason), error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        reason = " ".join((error.description or error.name).split())
        if isinstance(error, RequestEntityTooLarge):
            size, parts = app.config["MAX_CONTENT_LENGTH"] // 1024, app.config["MAX_FORM_PARTS"]
            reason = f"the body has more than {size:,} KB or {parts} parts; send a smaller one"
        elif isinstance(error, NotFound):
            reason = "there is nothing at this address"
        response = jsonify(error=reason)
        response.status_code = error.code or 400
        for name, value in error.get_headers():
            if name != "Content-Type":  # such as Allow, for a method that is not
                response.headers[name] = value
        return response
