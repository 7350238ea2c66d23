//! Where an etcd member and an apiserver keep what they write.
//!
//! Owns the reading of paths out of flags, environment and open files. Paths are those of the process's
//! own mount namespace; nothing is looked up here.

use crate::argv::{flag_value, strip_deleted};
use crate::facts::ProcessFacts;
use crate::paths::{in_member_dir, is_member_wal};
use crate::role::Program;

/// The flag of its configuration file, and by that the variable.
pub(crate) const CONFIG_FILE: &str = "config-file";

/// The folders of an etcd member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdPaths {
    /// `--data-dir`: holds `member/snap/db`.
    pub data_dir: Option<String>,
    /// Where the log is: `--wal-dir`, or `member/wal` below the data folder.
    pub wal_dir: Option<String>,
}

/// The folders of an etcd member: from flags, then the environment, then open files, then etcd's default.
///
/// A relative path is joined with the working directory where that is known. `None` means that the
/// process gives no hint at all, as for any process that is no etcd.
pub fn etcd_paths(process: &ProcessFacts) -> EtcdPaths {
    let program = Program::of(process);
    let embedded = matches!(program.name, "k3s" | "k3s-server" | "rke2");
    let data_dir = if embedded { embedded_dir(&program) } else { own_dir(process, &program) };
    let data_dir = data_dir
        .or_else(|| open_data_dir(process))
        .or_else(|| default_dir(process, &program))
        .map(|dir| absolute(process, &dir));
    let wal_dir = setting(process, &program, "wal-dir")
        .filter(|_| !embedded)
        .map(|dir| absolute(process, &dir))
        .or_else(|| open_wal_dir(process))
        .or_else(|| {
            data_dir.as_ref().map(|dir| format!("{}/member/wal", dir.trim_end_matches('/')))
        });
    EtcdPaths { data_dir, wal_dir }
}

/// The apiserver's `--audit-log-path`; `None` also for `-`, which is standard output.
pub fn audit_log_path(process: &ProcessFacts) -> Option<String> {
    let program = Program::of(process);
    let path = flag_value(&program.args, "audit-log-path").or_else(|| passed_on(&program))?;
    (path != "-" && !path.is_empty()).then(|| absolute(process, &path))
}

/// k3s and rke2 hand flags on: `--kube-apiserver-arg=audit-log-path=/x`, any number of times.
fn passed_on(program: &Program<'_>) -> Option<String> {
    let values = program.args.iter().enumerate().filter_map(|(i, arg)| {
        let value = arg.trim_start_matches('-').strip_prefix("kube-apiserver-arg")?;
        match value.strip_prefix('=') {
            Some(value) => Some(value),
            None => program.args.get(i + 1).map(AsRef::as_ref),
        }
    });
    let paths = values.filter_map(|v| v.trim_start_matches('-').strip_prefix("audit-log-path="));
    paths.map(str::to_owned).next_back()
}

/// What etcd goes by. With a configuration file other flags and the environment are ignored (etcd.io/docs/v3.6/op-guide/configuration,
/// "--config-file"); what stands in one that was not read is not known.
pub(crate) fn setting(process: &ProcessFacts, program: &Program<'_>, name: &str) -> Option<String> {
    if name == CONFIG_FILE || given(process, program, CONFIG_FILE).is_none() {
        return given(process, program, name);
    }
    let config = process.etcd_config.iter().flatten();
    config.filter(|(key, _)| key == name).map(|(_, value)| value.clone()).next()
}

/// A flag, or the environment variable etcd reads in its place (the flag wins).
pub(crate) fn given(process: &ProcessFacts, program: &Program<'_>, name: &str) -> Option<String> {
    let variable = format!("ETCD_{}", name.replace('-', "_").to_ascii_uppercase());
    let from_env = || {
        let found =
            process.etcd_env.iter().find(|(key, value)| *key == variable && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    flag_value(&program.args, name).filter(|v| !v.is_empty()).or_else(from_env)
}

fn own_dir(process: &ProcessFacts, program: &Program<'_>) -> Option<String> {
    setting(process, program, "data-dir").or_else(|| {
        // RKE2's static pod has nothing but `--config-file=…/server/db/etcd/config`, in the data folder.
        let config = given(process, program, CONFIG_FILE)?;
        config.strip_suffix("/config").filter(|dir| dir.ends_with("/db/etcd")).map(str::to_owned)
    })
}

/// k3s's own `--data-dir` holds etcd's below it.
fn embedded_dir(program: &Program<'_>) -> Option<String> {
    let base = flag_value(&program.args, "data-dir").or_else(|| flag_value(&program.args, "d"))?;
    Some(format!("{}/server/db/etcd", base.trim_end_matches('/')))
}

/// The folder above an open `member/snap/db`, or above an open `member/wal/*.wal`.
fn open_data_dir(process: &ProcessFacts) -> Option<String> {
    process.open_files.iter().filter(|f| f.writable).find_map(|f| {
        let path = strip_deleted(&f.path);
        let below = match (in_member_dir(path, "snap"), in_member_dir(path, "wal")) {
            (Some("db"), _) => "/member/snap/db".len(),
            (_, Some(name)) if is_member_wal(path) => "/member/wal/".len() + name.len(),
            _ => return None,
        };
        path.len().checked_sub(below).map(|end| path[..end].to_owned())
    })
}

fn open_wal_dir(process: &ProcessFacts) -> Option<String> {
    let logs = process.open_files.iter().filter(|f| f.writable && is_member_wal(&f.path));
    logs.map(|f| strip_deleted(&f.path)).find_map(|p| Some(p.rsplit_once('/')?.0.to_owned()))
}

/// etcd without `--data-dir` uses `<name>.etcd` in its working directory.
fn default_dir(process: &ProcessFacts, program: &Program<'_>) -> Option<String> {
    if program.name != "etcd" || given(process, program, CONFIG_FILE).is_some() {
        return None;
    }
    let name = setting(process, program, "name").unwrap_or_else(|| "default".to_owned());
    Some(format!("{name}.etcd"))
}

pub(crate) fn absolute(process: &ProcessFacts, path: &str) -> String {
    match process.cwd.as_deref() {
        Some(cwd) if !path.starts_with('/') => {
            format!("{}/{}", cwd.trim_end_matches('/'), path.trim_start_matches("./"))
        }
        _ => path.to_owned(),
    }
}

/// Whether a file is the log at `path` or one it was rotated to (`audit-2024-05-01T10-00-00.000.log`,
/// also packed).
pub fn is_log_or_rotated(file: &str, path: &str) -> bool {
    let file = strip_deleted(file);
    if file == path {
        return true;
    }
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_dir = file.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    in_dir.and_then(|f| f.strip_prefix(stem)).is_some_and(|rest| {
        let extension = &name[stem.len()..];
        let rest = rest.strip_suffix(".gz").unwrap_or(rest);
        let middle = rest.strip_suffix(extension).unwrap_or(rest);
        // `-TIMESTAMP` by the apiserver itself, `.1` by logrotate.
        middle.is_empty()
            || middle.strip_prefix('-').is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()))
            || rest.strip_prefix(extension).and_then(|n| n.strip_prefix('.')).is_some_and(is_number)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[path = "etcd_paths_tests.rs"]
mod tests;
