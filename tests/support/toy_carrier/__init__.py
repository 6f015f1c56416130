"""A carrier as docs/carriers.md says how to add one, step by step, for any channel: of tests, with a stand-in beside it.

>>> CARRIERS.register(toy_carrier(SMS))
>>> with ToyStandIn() as stand_in:
...     carrier = CARRIERS.build(CarrierSettings("toy_sms", secret=stand_in.key, base_url=stand_in.base_url, sender="Toy"))
>>> CARRIERS.withdraw("toy")
"""

from __future__ import annotations

from tests.support.toy_carrier.carrier import toy_carrier
from tests.support.toy_carrier.stand_in import ToyStandIn

__all__ = ["ToyStandIn", "toy_carrier"]
