"""The dashboard's files. Every path that is no file is a page of the dashboard itself.

Assets carry a hash of their content in their names: they never change. All else is asked anew.
"""

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse

from libs.common.errors import NotFoundError
from services.gateway.dashboard_files import DashboardFile
from services.gateway.parts import TheParts

router = APIRouter(include_in_schema=False)
api_router = APIRouter(include_in_schema=False)

_IMMUTABLE = "public, max-age=31536000, immutable"
_NO_CACHE = "no-cache"
_ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tillstream</title>
<h1>The dashboard is not built</h1>
<p>Its files are missing. Run <code>make setup</code>, or set <code>DASHBOARD_DIR</code> to the
folder that holds <code>index.html</code>; then start the gateway again. The API answers all the
same.</p>
</html>"""


@api_router.api_route("/api", methods=_ANY_METHOD)
@api_router.api_route("/api/{rest:path}", methods=_ANY_METHOD)
async def no_such_route() -> Response:
    raise NotFoundError("There is nothing at this address.")


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def read_page(path: str, request: Request, parts: TheParts) -> Response:
    is_asset = path.startswith("assets/")
    if file := parts.dashboard.get(path):
        return _answer(file, request, _IMMUTABLE if is_asset else _NO_CACHE)
    if is_asset or not _accepts_html(request):
        raise NotFoundError("There is nothing at this address.")
    if index := parts.dashboard.get("index.html"):
        return _answer(index, request, _NO_CACHE)
    return HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})


def _answer(file: DashboardFile, request: Request, cache_control: str) -> Response:
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    accepted = request.headers.get("Accept-Encoding", "")
    for encoding, content in file.packed.items():
        if encoding in accepted:
            packed = {**headers, "Content-Encoding": encoding}
            return Response(content, 200, packed, file.media_type)
    return Response(file.content, 200, headers, file.media_type)


def _accepts_html(request: Request) -> bool:
    accept = request.headers.get("Accept", "*/*")
    return "text/html" in accept or accept.strip() == "*/*"
