//! Appends to an audit log and rotates it, as kube-apiserver's log backend does in blocking mode: one write per event,
//! no sync, and when the file has its size it is renamed and a new one begun. Takes kube-apiserver's own flags, so that
//! it is told by the same signs.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;

#[derive(Parser)]
#[command(about = "An audit log at a fixed rate")]
struct Args {
    /// Not used; an API server has it
    #[arg(long)]
    etcd_servers: String,
    /// The log
    #[arg(long)]
    audit_log_path: PathBuf,
    /// MiB after which it is rotated
    #[arg(long, default_value_t = 100)]
    audit_log_maxsize: u64,
    /// Rotated logs that are kept
    #[arg(long, default_value_t = 2)]
    audit_log_maxbackup: u64,
    /// Events a second; lost time is made up for
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Bytes of an event
    #[arg(long, default_value_t = 2048)]
    line_bytes: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let line = line(args.line_bytes);
    let begin = Instant::now();
    let mut log = open(&args.audit_log_path)?;
    let (mut size, mut rotations) = (0, 0);
    for number in 0.. {
        let due = Duration::from_secs(1) * number / args.rate.max(1);
        thread::sleep(due.saturating_sub(begin.elapsed()));
        log.write_all(&line).context("writing the audit log")?;
        size += line.len() as u64;
        if size >= args.audit_log_maxsize << 20 {
            rotate(&args, rotations)?;
            log = open(&args.audit_log_path)?;
            (size, rotations) = (0, rotations + 1);
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| path.display().to_string())
}

/// The log gets a number; the oldest beyond the kept ones is removed.
fn rotate(args: &Args, number: u64) -> Result<()> {
    let name = |number: u64| args.audit_log_path.with_extension(format!("{number}.log"));
    fs::rename(&args.audit_log_path, name(number)).context("rotating the audit log")?;
    if let Some(old) = number.checked_sub(args.audit_log_maxbackup) {
        fs::remove_file(name(old)).context("removing an old audit log")?;
    }
    Ok(())
}

/// An event of this length, newline included.
fn line(bytes: usize) -> Vec<u8> {
    let head = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","verb":"update","requestObject":""#;
    let tail = "\"}\n";
    let filler = "x".repeat(bytes.saturating_sub(head.len() + tail.len()));
    format!("{head}{filler}{tail}").into_bytes()
}
