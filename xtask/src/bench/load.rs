//! Owns the load: fio's arguments and what it says at the end.
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Random reads for a while.
pub(super) struct Load {
    /// How long.
    pub(super) seconds: u64,
    /// Requests per second; as fast as possible without.
    pub(super) rate: Option<u64>,
}

/// What fio reached.
pub(super) struct Outcome {
    /// Requests per second.
    pub(super) iops: f64,
}

impl Load {
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(super) fn start(&self, device: &Path) -> Result<Child> {
        let mut command = Command::new("fio");
        command
            .args(["--name=load", "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=libaio"])
            .args(["--iodepth=32", "--time_based", "--output-format=json", "--group_reporting"])
            .arg(format!("--runtime={}", self.seconds))
            .arg(format!("--filename={}", device.display()));
        if let Some(rate) = self.rate {
            command.arg(format!("--rate_iops={rate}"));
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start fio")
    }

    pub(super) fn finish(fio: &mut Child) -> Result<Outcome> {
        let mut stdout = fio.stdout.take().context("fio has no output")?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text)?;
        if !fio.wait()?.success() {
            bail!("fio failed");
        }
        let json: serde_json::Value = serde_json::from_str(&text).context("fio's JSON")?;
        let iops = json["jobs"][0]["read"]["iops"].as_f64().context("fio says no IOPS")?;
        Ok(Outcome { iops })
    }
}
