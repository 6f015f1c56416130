"""The statements about mailboxes: how far each was read, and what was put aside."""

from __future__ import annotations

# One process reads a mailbox at a time. The lease of one that died ends by itself.
LEASE_MAILBOX = """
insert into mailbox (carrier_account_id, leased_until) values (:account, now() + make_interval(secs => :seconds))
on conflict (carrier_account_id) do update set leased_until = excluded.leased_until
where mailbox.leased_until is null or mailbox.leased_until < now()
returning uid_validity, last_uid, looked_at, failing_uid, failures, since
"""

# The server numbers its messages anew, or is read for the first time.
BEGIN_ANEW = """
update mailbox set uid_validity = :validity, last_uid = 0, since = :since, failing_uid = null, failures = 0
where carrier_account_id = :account
"""

REMEMBER_READ = """
update mailbox set last_uid = greatest(last_uid, :number), leased_until = now() + make_interval(secs => :seconds),
    failing_uid = case when failing_uid <= :number then null else failing_uid end,
    failures = case when failing_uid <= :number then 0 else failures end
where carrier_account_id = :account and uid_validity = :validity
"""

NOTE_LOOK = """
update mailbox set leased_until = null, looked_at = case when cast(:well as boolean) then now() else looked_at end
where carrier_account_id = :account
"""

COUNT_FAILURE = """
update mailbox set failures = case when failing_uid = :number then failures + 1 else 1 end, failing_uid = :number
where carrier_account_id = :account
"""

PUT_ASIDE = """
insert into mail_aside (carrier_account_id, uid_validity, uid, problem) values (:account, :validity, :number, :problem)
on conflict do nothing
"""
