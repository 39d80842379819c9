"""Who may ask: this page, on this host. And what the browser may do with the answers."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from inkproof.web.refusal import Refusal

_READING = ("GET", "HEAD", "OPTIONS")
# No inline script or style anywhere; WebAssembly is compiled, which has a permission of its own.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def guard(app: Flask, hosts: list[str]) -> None:
    """Serve requests for `hosts` alone, writes from their own pages alone, and every answer with `HEADERS`.

    A page of another site can make a browser send requests here, and, by letting its name point to this machine (DNS
    rebinding), even read the answers. The first carry the other site's origin, the second its host.
    """
    # Werkzeug's own check of the Host header: with any other, the request ends with 400.
    app.config["TRUSTED_HOSTS"] = hosts

    @app.before_request
    def same_origin() -> None:
        if request.method in _READING:
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        # Programs such as curl send neither.
        if site not in ("same-origin", "none") or (origin is not None and not _is_own(origin)):
            raise Refusal(403, "only pages of this server may send this")

    @app.after_request
    def secured(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _is_own(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host and origin != "null"
    except ValueError:
        return False
