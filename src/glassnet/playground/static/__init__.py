"""The playground as one file that needs no server, with kernels in JavaScript written from their element lines."""

from glassnet.playground.static.page import static_page

__all__ = ["static_page"]
