"""permessage-deflate on terms that all clients can share (RFC 7692): one deflated frame serves everybody.

That needs `server_no_context_takeover`, or each client would need a compressor of its own, and a window of 15 bits,
which is the largest: a client that asks for a smaller one gets no compression.
"""

from collections.abc import Sequence

from websockets.exceptions import NegotiationError
from websockets.extensions import Extension, ServerExtensionFactory
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.typing import ExtensionParameter

WINDOW_BITS = 15


class _Shared(ServerPerMessageDeflateFactory):
    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """Answer an offer. Raises NegotiationError, for which the library looks at the client's next one."""
        answer, extension = super().process_request_params(params, accepted_extensions)
        if extension.local_max_window_bits < WINDOW_BITS:  # the library would deflate for this client alone
            raise NegotiationError(f"a window of {extension.local_max_window_bits} bits cannot be shared")
        return answer, extension


SHARED: Sequence[ServerExtensionFactory] = [
    _Shared(server_no_context_takeover=True, client_no_context_takeover=True),
]
