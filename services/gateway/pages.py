"""The dashboard's files. Every path that is no file is a page of the dashboard itself.

Assets carry a hash of their content in their names: they never change. All else is asked anew.
"""

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, HTMLResponse

from libs.common.errors import NotFoundError
from services.gateway.parts import TheParts

router = APIRouter(include_in_schema=False)
api_router = APIRouter(include_in_schema=False)

_IMMUTABLE = "public, max-age=31536000, immutable"
_NO_CACHE = "no-cache"
_ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tillstream</title>
<h1>The dashboard is not built</h1>
<p>Its files are missing. Run <code>make setup</code>, or set <code>DASHBOARD_DIR</code> to the
folder that holds <code>index.html</code>. The API answers all the same.</p>
</html>"""


@api_router.api_route("/api", methods=_ANY_METHOD)
@api_router.api_route("/api/{rest:path}", methods=_ANY_METHOD)
async def no_such_route() -> Response:
    raise NotFoundError("There is nothing at this address.")


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
def read_page(path: str, request: Request, parts: TheParts) -> Response:
    folder = parts.settings.dashboard_dir.resolve()
    is_asset = path.startswith("assets/")
    if file := _file_in(folder, path):
        return _file(file, request, _IMMUTABLE if is_asset else _NO_CACHE)
    if is_asset or not _accepts_html(request):
        raise NotFoundError("There is nothing at this address.")
    if index := _file_in(folder, "index.html"):
        return _file(index, request, _NO_CACHE)
    return HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})


def _file_in(folder: Path, path: str) -> Path | None:
    """The file at `path`, never one outside of `folder`, never a hidden one."""
    if not path or "\0" in path or any(part.startswith(".") for part in path.split("/")):
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder) and file.is_file() else None


def _file(file: Path, request: Request, cache_control: str) -> Response:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    accepted = request.headers.get("Accept-Encoding", "")
    for name, suffix in _ENCODINGS:
        packed = file.with_name(file.name + suffix)
        if name in accepted and packed.is_file():
            return FileResponse(packed, 200, {**headers, "Content-Encoding": name}, kind)
    return FileResponse(file, 200, headers, kind)


def _accepts_html(request: Request) -> bool:
    accept = request.headers.get("Accept", "*/*")
    return "text/html" in accept or accept.strip() == "*/*"
