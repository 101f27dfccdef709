"""The API's own description: the document for programs, and a page for people. Open to all."""

import json
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.responses import HTMLResponse

from libs.common.errors import NotFoundError
from services.gateway.docs_page import render

router = APIRouter(include_in_schema=False)

_HERE = Path(__file__).resolve().parent
_DOCUMENT = _HERE / "dashboard/openapi.json"
_STYLE = _HERE / "docs_page.css"
_ASK_ANEW = {"Cache-Control": "no-cache"}


@router.get("/api/openapi.json")
def read_document() -> Response:
    return Response(_document(), media_type="application/json", headers=_ASK_ANEW)


@router.get("/api/docs")
def read_docs() -> Response:
    return HTMLResponse(_page(), headers=_ASK_ANEW)


@cache
def _document() -> bytes:
    if not _DOCUMENT.is_file():
        raise NotFoundError("The API's description is not installed here.")
    return _DOCUMENT.read_bytes()


@cache
def _page() -> str:
    return render(json.loads(_document()), _STYLE.read_text())
