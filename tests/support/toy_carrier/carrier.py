"""What the toy is to the rest of the product."""

from __future__ import annotations

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor, Support
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.channels import SMS, Channel
from tests.support.toy_carrier.errors import ERRORS
from tests.support.toy_carrier.webhooks import NAME, routes


def toy_carrier(channel: Channel = SMS) -> CarrierDescriptor:
    """The toy for one channel: the adapter ``toy_<channel>``."""

    def build(settings: CarrierSettings) -> Carrier:
        from tests.support.toy_carrier.adapter import ToyAdapter

        return ToyAdapter(settings, channel)

    return CarrierDescriptor(
        name=NAME,
        label="Toy",
        adapters=(
            AdapterDescriptor(
                channel=channel,
                build=build,
                receipts_by_webhook=Support.YES,
                receipts_by_polling=Support.YES,
                replies_by_webhook=Support.YES,
                records=Support.YES,
            ),
        ),
        errors=ERRORS,
        settings={"secret": "the key", "base_url": "the address of the stand-in; required"},
        webhooks=routes(channel),
        signs_with_secret=True,
    )


CARRIER = toy_carrier()
"""What :meth:`resources.carriers.Carriers.discover` would find, were this a folder of that room."""
