"""Paper: a page to read, print and hand on, which needs nothing but itself."""

from __future__ import annotations

from mlsysim_widgets.scripts import style


def whole_page(title: str, header: str, body: str, *styles: str) -> str:
    """Return a page with its look in it; title, header and body are HTML already.

    >>> whole_page("Ada", "", "<p>Nothing yet.</p>", "report.css").startswith("<!DOCTYPE html>")
    True
    """
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style(*styles)}</style></head>"
        f"<body><header>{header}</header><main>{body}</main></body></html>"
    )


def time_text(time: str) -> str:
    """Return a time of a journal as people read it.

    >>> time_text("2026-03-01T09:30:00.000000Z")
    '2026-03-01 09:30 UTC'
    """
    return f"{time[:10]} {time[11:16]} UTC"
