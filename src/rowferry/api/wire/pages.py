"""Plain pages without a script and without another host."""

import html
from collections.abc import Mapping
from typing import Any

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def framed(title: str, body: str) -> str:
    """A plain page."""
    style = (
        "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.2rem .8rem .2rem 0}"
    )
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def page(made: Mapping[str, Any], reference: str) -> str:
    """An OpenAPI document as a plain page: each operation with what it does, and where the whole document is."""
    lines = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(str(operation.get('summary', '')))}</td></tr>"
        for path, item in made["paths"].items()
        for method, operation in item.items()
    ]
    info = made["info"]
    about = html.escape(str(info["description"]))
    whole = f'<p>The whole reference: <a href="{reference}">{reference}</a> (OpenAPI 3.1).</p>'
    name = f"{info['title']} API {info['version']}"
    return framed(name, f"<h1>{html.escape(name)}</h1><p>{about}</p>{whole}<table>{''.join(lines)}</table>")
