//! An etcd member's configuration file, as that process sees it.
//!
//! Owns the reading. The path is the process's own choice, so it is walked from its root without waiting for anything.

use std::io::Read as _;

use iocontend_core::etcd_config::{config_path, parse};
use iocontend_core::facts::ProcessFacts;

use super::HostRoot;
use super::proc_dir::ProcDir;
use super::tree::Tree;

/// The largest that is read, bytes: a configuration has some hundred lines.
const MAX_CONFIG: u64 = 256 << 10;

/// What is kept of it; `None` without one, or when it cannot be read.
pub(super) fn read_config(
    root: &HostRoot,
    dir: &ProcDir,
    process: &ProcessFacts,
) -> Option<Vec<(String, String)>> {
    let path = config_path(process)?;
    let tree = Tree::of_process(root, dir, process.key.pid).ok()?;
    let file = tree.find(path.as_bytes()).and_then(|place| place.open()).ok()?;
    let mut text = String::new();
    file.take(MAX_CONFIG).read_to_string(&mut text).ok()?;
    parse(&text)
}
