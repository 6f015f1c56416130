"""Every table of the product's database, by subject.

Keys are integers. Times are ``timestamptz``. The ledger (``message``, ``message_content``, ``attempt``), ``receipt``
and ``audit`` are partitioned by month (:mod:`nightmail.store.partitions`). Allowed changes of state stand in
``state_transition`` and are enforced by triggers. A change here needs a migration: a test compares both.
"""

from __future__ import annotations

from nightmail.store.tables.access import (
    AccessLink,
    IdentityProvider,
    LoginThrottle,
    Passkey,
    PendingLogin,
    Person,
    PersonIdentity,
    PersonSession,
    RecoveryCode,
    Role,
    RoleGrant,
)
from nightmail.store.tables.approvals import Approval
from nightmail.store.tables.audit import Audit, AuditMonthGone, AuditSeal
from nightmail.store.tables.base import Base
from nightmail.store.tables.campaigns import Campaign, ReceivedFile, SendDraft, SingleMessage, StateTransition
from nightmail.store.tables.contact_imports import ContactImport, ContactImportRow
from nightmail.store.tables.contacts import (
    Consent,
    ConsentRequest,
    ConsentText,
    Contact,
    ContactAddress,
    ContactAttribute,
    ContactChange,
    ContactGroup,
    ContactGroupMember,
    ContactMerge,
    ContactNote,
    ContactSearch,
    ContactTag,
    Preference,
    PreferenceStatement,
    Suppression,
)
from nightmail.store.tables.content import Category, Feed, Price, Template, TemplateVersion
from nightmail.store.tables.ledger import Attempt, CampaignTally, Message, MessageContent, MessageRecipient, SenderRun
from nightmail.store.tables.lists import CampaignList, DistributionList, ListEntry, Segment
from nightmail.store.tables.notices import Notice
from nightmail.store.tables.operation import (
    Alert,
    Deployment,
    Failover,
    IdempotencyKey,
    Pace,
    Suspension,
    Webhook,
    WebhookCall,
)
from nightmail.store.tables.organisation import (
    ApiKey,
    CarrierAccount,
    ChannelRow,
    Sender,
    SentFrom,
    SftpServer,
    Team,
)
from nightmail.store.tables.receipts import MailAside, Mailbox, Receipt, Reply
from nightmail.store.tables.recipient_pages import AddressCode
from nightmail.store.tables.reports import ReportByCampaign, ReportByFeed, ReportByHour, ReportCount, ReportDay

__all__ = [
    "AccessLink",
    "AddressCode",
    "Alert",
    "ApiKey",
    "Approval",
    "Attempt",
    "Audit",
    "AuditMonthGone",
    "AuditSeal",
    "Base",
    "Campaign",
    "CampaignList",
    "CampaignTally",
    "CarrierAccount",
    "Category",
    "ChannelRow",
    "Consent",
    "ConsentRequest",
    "ConsentText",
    "Contact",
    "ContactAddress",
    "ContactAttribute",
    "ContactChange",
    "ContactGroup",
    "ContactGroupMember",
    "ContactImport",
    "ContactImportRow",
    "ContactMerge",
    "ContactNote",
    "ContactSearch",
    "ContactTag",
    "Deployment",
    "DistributionList",
    "Failover",
    "Feed",
    "IdempotencyKey",
    "IdentityProvider",
    "ListEntry",
    "LoginThrottle",
    "MailAside",
    "Mailbox",
    "Message",
    "MessageContent",
    "MessageRecipient",
    "Notice",
    "Pace",
    "Passkey",
    "PendingLogin",
    "Person",
    "PersonIdentity",
    "PersonSession",
    "Preference",
    "PreferenceStatement",
    "Price",
    "Receipt",
    "ReceivedFile",
    "RecoveryCode",
    "Reply",
    "ReportByCampaign",
    "ReportByFeed",
    "ReportByHour",
    "ReportCount",
    "ReportDay",
    "Role",
    "RoleGrant",
    "Segment",
    "SendDraft",
    "Sender",
    "SenderRun",
    "SentFrom",
    "SftpServer",
    "SingleMessage",
    "StateTransition",
    "Suppression",
    "Suspension",
    "Team",
    "Template",
    "TemplateVersion",
    "Webhook",
    "WebhookCall",
]
