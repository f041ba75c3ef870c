"""Adapters of the outside: MQTT broker and client, calendars.

paho loads dnspython where it is installed, to find brokers by SRV record: 4 MB of an idle node for what nobody asks of
it here. It does without where that is missing, and so, for this one import, it is.
"""

import sys

if "dns" not in sys.modules:
    sys.modules["dns"] = None  # type: ignore[assignment]
    import paho.mqtt.client  # noqa: F401

    del sys.modules["dns"]
