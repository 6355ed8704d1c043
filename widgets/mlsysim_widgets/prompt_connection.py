"""Prompt connection: what a kernel answers leaves the server at once."""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The line between a page and its kernel, on which small messages do not wait.

    A kernel first says that it is busy, then answers. By default TCP holds the answer back until
    the page has acknowledged the first message, which takes it 40 ms.
    """

    def connect(self) -> Any:
        """Connect, and send each message when it comes."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
