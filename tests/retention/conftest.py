"""A ledger with campaigns that were sent to the sandbox's carriers."""

from tests.support.sending_fixtures import organisation, sandbox, sandbox_process, webhooks

__all__ = ["organisation", "sandbox", "sandbox_process", "webhooks"]
