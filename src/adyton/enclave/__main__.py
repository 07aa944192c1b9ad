"""Wires the enclave up and reads the channel; started by `boot.py` alone, from the image."""

from __future__ import annotations

import socket

from adyton.channel.stream import StreamChannel
from adyton.core.errors import UnavailableError, VerificationError
from adyton.enclave.dispatcher import Dispatcher
from adyton.enclave.host_link import HostLink
from adyton.enclave.platform.simulated import open_simulated


def main(channel_fd: int, device_fd: int, image_root: str, measurement: bytes) -> int:
    """Serve the host until it closes the channel.

    Args:
        channel_fd: connected stream socket to the host.
        device_fd: directory of the simulated platform's device.
        image_root: where the image lies.
        measurement: of the image and the interpreter, as booted.

    Returns:
        Exit code of the process.
    """
    channel = StreamChannel(socket.socket(fileno=channel_fd))
    link = HostLink(channel)
    dispatcher = Dispatcher(open_simulated(device_fd, measurement), link)
    try:
        while True:
            request = link.next_request()
            link.reply(request, dispatcher.dispatch(request.body))
    except UnavailableError:
        return 0  # the host has closed the channel: the ordinary end
    except VerificationError:
        return 1  # the host broke the channel's rules: nothing more is said to it
    finally:
        link.close()
        dispatcher.close()
        channel.close()
