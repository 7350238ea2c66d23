//! Which commands take backups: programs made for it, subcommands of others, and what wraps them.
//!
//! Owns the tables of programs and the way through wrappers and shell texts; owns no points.

use crate::argv::{base_name, is_word, shell_commands};

/// Programs that do nothing else.
const DEDICATED: [&str; 25] = [
    "bacula-fd",
    "bareos-fd",
    "barman",
    "borg",
    "borgmatic",
    "burp",
    "duplicity",
    "duply",
    "etcd-backup",
    "etcd-backup-restore",
    "etcd-manager",
    "etcdbrctl",
    "kopia",
    "mariabackup",
    "pg_basebackup",
    "pgbackrest",
    "proxmox-backup-client",
    "rdiff-backup",
    "restic",
    "rsnapshot",
    "urbackupclientbackend",
    "veeamagent",
    "velero",
    "vzdump",
    "xtrabackup",
];

/// Programs that run another one; their own arguments come before its name.
const WRAPPERS: [&str; 27] = [
    "chroot",
    "chrt",
    "crictl",
    "ctr",
    "docker",
    "env",
    "flock",
    "ionice",
    "k0s",
    "kubectl",
    "nerdctl",
    "nice",
    "nohup",
    "nsenter",
    "oc",
    "podman",
    "runuser",
    "setsid",
    "stdbuf",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "unshare",
    "xargs",
];

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// Commands of etcdctl: once one of them stands there, "snapshot" is a key or a value.
const ETCDCTL_OTHER: [&str; 20] = [
    "alarm",
    "auth",
    "check",
    "compaction",
    "defrag",
    "del",
    "elect",
    "endpoint",
    "get",
    "lease",
    "lock",
    "make-mirror",
    "member",
    "move-leader",
    "put",
    "role",
    "txn",
    "user",
    "version",
    "watch",
];

/// Whether this program only runs another one.
pub(crate) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.contains(&name)
}

/// Whether this program is a shell.
pub(crate) fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

pub(super) fn is_dedicated(name: &str) -> bool {
    DEDICATED.contains(&name)
}

/// A script whose name says that it backs etcd up.
pub(super) fn is_backup_script(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let backup = name.contains("backup") || name.contains("snapshot");
    backup && name.contains("etcd") || name == "cluster-backup.sh"
}

/// Whether a subcommand makes this program a backup.
pub(super) fn is_backup_command<S: AsRef<str>>(name: &str, args: &[S]) -> bool {
    let words: Vec<&str> = args.iter().map(AsRef::as_ref).filter(|a| is_word(a)).collect();
    match name {
        "etcdctl" | "etcdutl" => is_etcd_snapshot(&words),
        "k3s" | "rke2" => {
            let snapshot = words.first() == Some(&"etcd-snapshot");
            snapshot && !matches!(words.get(1), Some(&("ls" | "list" | "delete" | "prune")))
        }
        // Our own demo's stand-in for a backup.
        "iocontend" => words.first() == Some(&"demo-copier"),
        "talosctl" => words.windows(2).any(|w| w == ["etcd", "snapshot"]),
        "cluster-etcd-operator" => {
            matches!(words.first(), Some(&("cluster-backup" | "backup-server" | "request-backup")))
        }
        "rclone" => {
            let copies = ["bisync", "copy", "copyto", "move", "moveto", "rcat", "sync"];
            words.iter().any(|w| copies.contains(w))
        }
        _ => false,
    }
}

/// `snapshot save|status|restore` or the older `backup`; values of flags may stand before it.
fn is_etcd_snapshot(words: &[&str]) -> bool {
    let before = words.iter().take_while(|w| !ETCDCTL_OTHER.contains(w));
    let commands: Vec<&&str> = before.collect();
    commands.windows(2).any(|w| *w[0] == "snapshot" && ["save", "status", "restore"].contains(w[1]))
        || commands.first().is_some_and(|w| **w == "backup")
}

/// Whether a wrapper or a shell text runs a backup.
pub(super) fn wraps_backup<S: AsRef<str>>(name: &str, args: &[S]) -> bool {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    if SHELLS.contains(&name) {
        return shell_text(&args).is_some_and(text_runs_backup);
    }
    WRAPPERS.contains(&name) && wrapped_runs_backup(&args)
}

/// Looks for the wrapped program. Only subcommands count here: a bare name among a wrapper's arguments
/// may as well be a container, a namespace or a user (`kubectl -n velero get pods`).
fn wrapped_runs_backup(args: &[&str]) -> bool {
    args.iter().enumerate().any(|(i, word)| {
        let name = base_name(word);
        let rest = &args[i + 1..];
        is_backup_command(name, rest)
            || SHELLS.contains(&name) && shell_text(rest).is_some_and(text_runs_backup)
    })
}

/// The text after `-c` (also `-ec`, `-lc`).
pub(crate) fn shell_text<'a>(args: &[&'a str]) -> Option<&'a str> {
    let at = args
        .iter()
        .take_while(|a| a.starts_with('-') || a.starts_with('+'))
        .position(|a| !a.starts_with("--") && a.ends_with('c'))?;
    args.get(at + 1..)?.iter().find(|a| is_word(a)).copied()
}

pub(crate) fn text_runs_backup(text: &str) -> bool {
    shell_commands(text).iter().any(|command| {
        let mut words = command.iter().map(String::as_str).skip_while(|w| is_assignment(w));
        let Some(name) = words.next().map(base_name) else { return false };
        let args: Vec<&str> = words.collect();
        is_backup_command(name, &args)
            || is_dedicated(name)
            || is_backup_script(name)
            || WRAPPERS.contains(&name) && wrapped_runs_backup(&args)
            // `exec CMD`, `if CMD`, `then CMD`, `! CMD`
            || ["exec", "if", "then", "do", "!"].contains(&name)
                && args.split_first().is_some_and(|(n, a)| is_backup_command(base_name(n), a))
    })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}
