"""Why a login, a link, a factor or a new password is not taken."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

LOGINS = (
    Reason(
        "login_wrong",
        Kind.REQUEST,
        "Email address and password do not fit together.",
        "Try again, or have a link sent by which you choose a new password.",
    ),
    Reason(
        "login_wait",
        Kind.REQUEST,
        "There were too many attempts.",
        "Wait {seconds} seconds and try again.",
        title="There were too many attempts.",
    ),
    Reason("logins_busy", Kind.REQUEST, "Too many people log in at this moment.", "Try again in a few seconds."),
    Reason(
        "login_step_over",
        Kind.REQUEST,
        "This login has taken too long, or was finished in another window.",
        "Log in once more.",
    ),
    Reason(
        "code_wrong",
        Kind.REQUEST,
        "The code is not valid now.",
        "Type the code that the app shows at this moment, each one once. If it goes on, the clock of your device is wrong: "
        "have it set by the network.",
    ),
    Reason(
        "recovery_code_wrong",
        Kind.REQUEST,
        "This is none of your recovery codes, or it was used before.",
        "Use another one. When none is left, an administrator can reset your factors.",
    ),
    Reason(
        "factor_unreadable",
        Kind.SETUP,
        "The secret of the authenticator app cannot be opened: the deployment's secret key has changed.",
        "Log in with a recovery code or a passkey and set the app up anew, or have an administrator reset your factors.",
    ),
    Reason(
        "factor_last",
        Kind.REQUEST,
        "It is the last way by which you can log in, or what your organisation demands.",
        "Add another one first.",
    ),
    Reason(
        "passkey_refused",
        Kind.REQUEST,
        "The passkey was not taken.",
        "Try again, or log in another way. A passkey must be unlocked by face, finger or PIN.",
    ),
    Reason(
        "passkeys_too_many",
        Kind.REQUEST,
        "You have {most} passkeys, the most that are kept.",
        "Remove one you do not use.",
    ),
    Reason(
        "password_too_short",
        Kind.REQUEST,
        "The password has fewer than {least} characters.",
        "Take a longer one: four words that do not belong together are good.",
    ),
    Reason("password_too_long", Kind.REQUEST, "The password has more than {most} characters.", "Take a shorter one."),
    Reason(
        "password_common",
        Kind.REQUEST,
        "The password is among those that are tried first.",
        "Take one that nobody else has: four words that do not belong together are good.",
    ),
    Reason(
        "password_of_person",
        Kind.REQUEST,
        "The password is little more than your name or email address.",
        "Take one that does not speak of you.",
    ),
    Reason(
        "access_link_wrong",
        Kind.REQUEST,
        "This link is not valid.",
        "Check that it is whole, or ask for a new one.",
    ),
    Reason("access_link_used", Kind.REQUEST, "This link was used before.", "Log in, or ask for a new link."),
    Reason(
        "demonstration_refused",
        Kind.REQUEST,
        "Here messages can reach people, and links of the demo are good in the sandbox only.",
        "Log in as everybody does. The demo runs in a data folder of its own.",
    ),
    Reason(
        "demonstration_not_empty",
        Kind.REQUEST,
        "There are {campaigns} campaigns here that are not the demo's own: nothing is made up beside them.",
        "Run the demo in a data folder of its own.",
    ),
    Reason("access_link_expired", Kind.REQUEST, "The time of this link is over.", "Ask for a new one."),
    Reason(
        "provider_unknown",
        Kind.REQUEST,
        "There is no identity provider {value} here.",
        "Log in another way.",
    ),
    Reason(
        "provider_away",
        Kind.SETUP,
        "The identity provider {provider} does not answer.",
        "Try again in a minute, or log in another way.",
    ),
    Reason(
        "provider_wrong",
        Kind.SETUP,
        "The identity provider {provider} cannot be used: {problem}.",
        "Log in another way, and have an administrator check the provider's settings.",
    ),
    Reason(
        "provider_refused",
        Kind.REQUEST,
        "The login by {provider} was not taken: {problem}.",
        "Try once more. If it goes on, tell an administrator.",
    ),
    Reason(
        "provider_nobody",
        Kind.REQUEST,
        "{provider} knows you, but nobody here is linked with you.",
        "Ask an administrator for an invitation, and open it before you log in by the provider.",
    ),
    Reason(
        "identity_taken",
        Kind.REQUEST,
        "This login of {provider} belongs to another person here.",
        "Log in there as yourself, or have an administrator end the other link.",
    ),
    Reason(
        "single_sign_on_demanded",
        Kind.REQUEST,
        "Your organisation demands that you log in by its identity provider.",
        "Use the button of the provider.",
    ),
    Reason(
        "second_factor_demanded",
        Kind.REQUEST,
        "Your organisation demands a second factor.",
        "Set up an authenticator app or a passkey.",
    ),
    Reason(
        "session_stolen",
        Kind.REQUEST,
        "A copy of your session was used from somewhere else, so it was ended for everybody.",
        "Log in again. If you did not restore an old browser profile, change your password and tell an administrator.",
    ),
)
