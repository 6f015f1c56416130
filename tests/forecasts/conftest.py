"""An organisation with carriers in the sandbox, and campaigns with a ledger."""

from tests.support.sending_fixtures import organisation, sandbox, sandbox_process, webhooks

__all__ = ["organisation", "sandbox", "sandbox_process", "webhooks"]
