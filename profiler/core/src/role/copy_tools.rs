//! Tools of many uses (`cp`, `tar`, `gzip`, …): what their arguments say they read and write.
//!
//! Owns the reading of each tool's arguments; owns no points.

use std::borrow::Cow;

use crate::argv::is_word;
use crate::paths::is_backup_path;

/// Tools of many uses, which only what they read or write makes a backup.
const GENERIC: [&str; 36] = [
    "7z",
    "aws",
    "az",
    "azcopy",
    "bsdtar",
    "bzip2",
    "cat",
    "cp",
    "cpio",
    "dd",
    "gcloud",
    "gpg",
    "gsutil",
    "gtar",
    "gzip",
    "install",
    "lz4",
    "lzop",
    "mc",
    "minio-client",
    "mv",
    "openssl",
    "pbzip2",
    "pigz",
    "pv",
    "rclone",
    "rsync",
    "s3cmd",
    "s5cmd",
    "scp",
    "sftp",
    "split",
    "tar",
    "xz",
    "zip",
    "zstd",
];

pub(super) fn is_generic(name: &str) -> bool {
    GENERIC.contains(&name)
}

/// Whether the arguments of a generic tool name an etcd member's files as what is copied.
pub(super) fn copies_member(name: &str, args: &[Cow<'_, str>]) -> bool {
    if restores(name, args) {
        return false;
    }
    sources(name, args).iter().any(|path| {
        let path = path.trim_end_matches('/');
        ["member/snap", "member/wal"].iter().any(|dir| path.contains(dir))
            || path.ends_with("/etcd/member")
            || ["/lib/etcd", "/db/etcd"].iter().any(|dir| path.ends_with(dir))
    })
}

/// Whether the arguments of a generic tool name a backup as what is written.
pub(super) fn writes_backup(name: &str, args: &[Cow<'_, str>]) -> bool {
    !restores(name, args) && outputs(name, args).iter().any(|path| is_backup_path(path))
}

/// Unpacking is the way back.
fn restores(name: &str, args: &[Cow<'_, str>]) -> bool {
    let short = |letters: &[char]| {
        let mut args = args.iter().enumerate();
        args.any(|(i, a)| {
            let cluster = a.strip_prefix('-').or((i == 0 && name.ends_with("tar")).then_some(a));
            cluster.is_some_and(|c| {
                c.bytes().all(|b| b.is_ascii_alphabetic())
                    && c.contains(letters)
                    && !c.contains('c')
            })
        })
    };
    let long = |flags: &[&str]| args.iter().any(|a| flags.contains(&a.as_ref()));
    match name {
        "tar" | "gtar" | "bsdtar" => short(&['x', 't']) || long(&["--extract", "--get", "--list"]),
        "gzip" | "pigz" | "xz" | "zstd" | "bzip2" | "lz4" | "gpg" => {
            short(&['d']) || long(&["--decompress", "--uncompress", "--decrypt"])
        }
        _ => false,
    }
}

/// What a tool writes, as far as its arguments tell it from what it reads.
fn outputs<'a>(name: &str, args: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    match name {
        "cp" | "mv" | "install" | "rsync" | "scp" => destination(args).into_iter().collect(),
        "dd" => args.iter().filter_map(|a| a.strip_prefix("of=")).collect(),
        "cat" | "pv" => Vec::new(),
        _ => {
            args.iter().map(|a| a.split_once('=').map_or(a.as_ref(), |(_, value)| value)).collect()
        }
    }
}

/// What a tool reads, in the same way.
fn sources<'a>(name: &str, args: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    match name {
        "cp" | "mv" | "install" | "rsync" | "scp" => {
            let to = destination(args);
            args.iter().map(AsRef::as_ref).filter(|a| Some(*a) != to && is_word(a)).collect()
        }
        "dd" => args.iter().filter_map(|a| a.strip_prefix("if=")).collect(),
        _ => args.iter().map(AsRef::as_ref).filter(|a| is_word(a)).collect(),
    }
}

/// `-t DIR`, `--target-directory=DIR` or the last plain word.
fn destination<'a>(args: &'a [Cow<'_, str>]) -> Option<&'a str> {
    let after_t = args.iter().position(|a| a == "-t").and_then(|at| args.get(at + 1));
    let named = args.iter().find_map(|a| a.strip_prefix("--target-directory="));
    let last = || args.iter().map(AsRef::as_ref).rfind(|a| is_word(a));
    after_t.map(AsRef::as_ref).or(named).or_else(last)
}
