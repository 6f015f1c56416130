"""An SFTP server, a folder or a file on it cannot be used as it is; what came of a file that changed after it was taken."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

SFTP = (
    Reason(
        "sftp_unreachable",
        Kind.SETUP,
        "The SFTP server of {server} cannot be reached: {problem}.",
        "Nothing is lost: it is tried again at the next look. Check host, port and network if it lasts.",
    ),
    Reason(
        "sftp_host_key_unknown",
        Kind.SETUP,
        "No host key was agreed for the SFTP server {server}: {problem}.",
        "Put the key that the server's owner states into the settings, as `ssh-ed25519 AAAA...`; `ssh-keyscan` shows the "
        "one in use.",
    ),
    Reason(
        "sftp_host_key_mismatch",
        Kind.SETUP,
        "The host key of {server} is not the one that was agreed: another server may be answering.",
        "Ask the server's owner whether the key was changed, and put the new key into the settings only then.",
    ),
    Reason(
        "sftp_credentials",
        Kind.SETUP,
        "The login of {server} cannot be used: {problem}.",
        "Check the user name and the password, or give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form with its "
        "passphrase.",
    ),
    Reason(
        "sftp_folder_missing",
        Kind.SETUP,
        "There is no {path} on the server of {server}.",
        "Create the folder, or correct it in the feed.",
    ),
    Reason(
        "sftp_permission",
        Kind.SETUP,
        "{server} may not {action} {path}.",
        "Give the user the right to read, write and rename in the folder.",
    ),
    Reason(
        "sftp_operation_failed",
        Kind.SETUP,
        "The server of {server} could not {action} {path}: {problem}.",
        "It is tried again, less and less often. Ask the server's owner why it fails if it lasts.",
    ),
    Reason(
        "sftp_answer_gone",
        Kind.SETUP,
        "The answer {path} was written for {server} and is not there.",
        "See whether something on the server takes files away.",
    ),
    Reason(
        "sftp_archive_full",
        Kind.SETUP,
        "The archive {path} has too many files of one name and time.",
        "Clear the archive folder.",
    ),
    Reason(
        "sftp_file_changed",
        Kind.FILE,
        "The file {file} changed or went away while it was being taken.",
        "Nothing to do: it is taken once it stays as it is.",
    ),
    Reason(
        "sftp_file_put_aside",
        Kind.FILE,
        "The file {file} cannot be {step} for the moment: {problem}",
        "It is tried again at {retry_at}; the other files go on meanwhile.",
    ),
    Reason(
        "sftp_file_is_link",
        Kind.FILE,
        "{file} is a link, not a file, so it was left where it is.",
        "Upload the file itself.",
    ),
    Reason(
        "sftp_file_grew",
        Kind.FILE,
        "The file {file} went on changing after it was taken: {taken} bytes were taken, {now} are there now.",
        "The campaign {campaign} holds the rows that were missing and waits for approval. Upload under another name and "
        "rename at the end, or state a marker in the feed.",
    ),
    Reason(
        "report_folder_taken",
        Kind.SETUP,
        "The reports of {team} cannot be dropped in {folder}: a feed takes its contact files from there.",
        "Name another folder for the reports.",
    ),
    Reason(
        "sensor_failing",
        Kind.SETUP,
        "The sensor {sensor} fails at every tick: {problem}",
        "Read the daemon's log. What the sensor watches waits meanwhile; nothing of it is lost.",
    ),
    Reason(
        "sftp_look_failed",
        Kind.SETUP,
        "The look at the server {server} failed for a reason that is a defect of Nightmail: {problem}.",
        "Files stay where they are and are tried again. Report the defect with the daemon's log.",
    ),
)
