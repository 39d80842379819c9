"""The application: what answers on which address, and within which limits."""

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, jsonify

from inkproof.errors import UserError
from inkproof.web.api import api
from inkproof.web.catalogue import Catalogue
from inkproof.web.drawing_store import DrawingStore
from inkproof.web.drawings_api import drawings_api
from inkproof.web.guard import guard
from inkproof.web.limits import Limits
from inkproof.web.pages import pages
from inkproof.web.refusal import refuse_in_json


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is made of.

    Attributes:
        find_models: returns the files of the models by name.
        database: where drawings are kept; made with the first.
        hosts: names under which the server may be asked, without ports.
        limits: how much a request may hold.
        brush: diameter of the brush in pixels of a 280 x 280 canvas.
    """

    find_models: Callable[[], dict[str, Path]]
    database: Path
    hosts: list[str]
    limits: Limits
    brush: float


def create_app(settings: Settings) -> Flask:
    """Return the application, for waitress or for tests."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.limits.body_bytes
    app.config["MAX_FORM_PARTS"] = 8
    app.json.sort_keys = False  # type: ignore[attr-defined]
    refuse_in_json(app)
    guard(app, settings.hosts)

    @app.errorhandler(UserError)
    @app.errorhandler(sqlite3.OperationalError)
    def machine_denies(error: Exception) -> tuple[Response, int]:
        """The disk is full, the database locked or none: nothing was kept, and the request may be sent again."""
        print(f"{settings.database}: {error}", file=sys.stderr, flush=True)
        return jsonify(error="the drawings cannot be reached; the server's terminal says why"), 503

    app.register_blueprint(pages())
    app.register_blueprint(api(Catalogue(settings.find_models), settings.limits, settings.brush))
    app.register_blueprint(drawings_api(DrawingStore(settings.database), settings.limits))
    return app
