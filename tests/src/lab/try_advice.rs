//! Runs what `advised` holds: watch alone, advise beside the suspects, apply and verify, watch again, undo. In the VM only.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Call, FileClass};
use iocontend_core::lease::verified::Verified;
use iocontend_core::report::{Report, Verdict};

use super::actor::Running;
use super::advised::{Action, Advised, SCHEMA, Syncs};
use super::plan::RoundPlan;
use super::round::{Bench, Load, ours, waits};
use crate::cgroup::Cgroup;
use crate::etcd::{Metrics, WAL_FSYNC};
use crate::watch::{actor as find_actor, latency};

/// Beside the windows: loading the probes, under emulation, five times, and what settles.
const AROUND: Duration = Duration::from_secs(120);

/// All counters at one moment.
struct Moment {
    at: Instant,
    metrics: Metrics,
    suspects: u64,
}

impl Bench {
    /// Tries the first advised setting beside all suspects, and leaves everything as it was.
    pub fn try_advice(&self, window: Duration) -> Result<Advised> {
        fs::create_dir_all(self.out.join(&self.scenario.name))?;
        let cgroup = Cgroup::new("lab-load")?;
        let load_for = |windows: u32| window * windows + AROUND;
        let alone = {
            let load = self.load(&cgroup, load_for(1))?;
            let alone = self.watched(window, &[])?;
            drop(load);
            alone
        };
        self.etcd.idle()?;

        let plan = RoundPlan {
            repeat: 0,
            subset: self.scenario.suspects().iter().map(|actor| actor.name.clone()).collect(),
        };
        let running = self.start(&self.present(&plan))?;
        running.iter().try_for_each(Running::at_work)?;
        let load = self.load(&cgroup, load_for(4))?;
        let advised = self.beside(window, &running, alone);
        drop(load);
        for actor in running {
            actor.stop(&self.ground)?;
        }
        self.ground.drain()?;
        self.etcd.idle()?;
        advised
    }

    fn beside(&self, window: Duration, running: &[Running], alone: Syncs) -> Result<Advised> {
        let file = self.out.join(&self.scenario.name).join("advice.json");
        let state = self.ground.memory().join("leases");
        let seconds = format!("{}s", window.as_secs());
        let pid = self.etcd.pid().to_string();

        let begin = self.moment(running)?;
        let text =
            self.iocontend(&["advise", "--pid", &pid, "--duration", &seconds, "-o", "json"], &[0])?;
        let end = self.moment(running)?;
        fs::write(&file, &text)?;
        let report: Report = serde_json::from_str(&text).context("reading the advice")?;
        let before = self.syncs(&report, &begin, &end)?;
        let refused = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Refused);
        let mut advised = Advised {
            schema: SCHEMA.to_owned(),
            machine: self.machine.clone(),
            scenario: self.scenario.name.clone(),
            window_s: window.as_secs(),
            alone,
            before,
            refused: refused.map(|one| one.id.name().to_owned()).collect(),
            verified: None,
            after: None,
            undone: true,
            first: Action::first(&report),
            tried: Action::first_setting(&report),
        };
        let Some(tried) = &advised.tried else { return Ok(advised) };
        let (file, state) = (file.display().to_string(), state.display().to_string());
        let apply =
            ["apply", &file, "--id", &tried.id, "--yes", "--leave", "--lease", "30m", "--json"];
        let verify = ["--verify", "--window", &seconds, "--pid", &pid, "--state-dir", &state];
        // 1: it was not kept.
        let said = self.iocontend(&[&apply[..], &verify[..]].concat(), &[0, 1])?;
        let verified: Verified = serde_json::from_str(&said).context("reading what verify says")?;
        if verified.kept {
            advised.after = Some(self.watched(window, running)?);
        }
        advised.verified = Some(verified);
        self.iocontend(&["undo", "--state-dir", &state], &[0])?;
        let left = self.iocontend(&["status", "--state-dir", &state], &[0])?;
        advised.undone = left.trim().is_empty();
        Ok(advised)
    }

    /// Watches etcd for a window.
    fn watched(&self, window: Duration, running: &[Running]) -> Result<Syncs> {
        let (pid, seconds) = (self.etcd.pid().to_string(), format!("{}s", window.as_secs()));
        let begin = self.moment(running)?;
        let text =
            self.iocontend(&["watch", "--pid", &pid, "--duration", &seconds, "--json"], &[0])?;
        let end = self.moment(running)?;
        self.syncs(&serde_json::from_str(&text)?, &begin, &end)
    }

    /// etcd's own figure is from a few seconds before iocontend's to the end of it: the probes are loaded meanwhile.
    #[expect(clippy::cast_precision_loss, reason = "times and rates for people")]
    fn syncs(&self, report: &Report, begin: &Moment, end: &Moment) -> Result<Syncs> {
        let log = latency(find_actor(report, self.etcd.pid())?, Call::Fdatasync, FileClass::Wal)?;
        let own = ours(report, self.etcd.pid())?;
        let etcd = waits(&end.metrics, &begin.metrics, WAL_FSYNC)?;
        let moved = end.suspects.saturating_sub(begin.suspects) as f64;
        Ok(Syncs {
            count: own.count,
            mean_ms: own.mean_ms().unwrap_or_default(),
            p99_ms: log.p99_ns.context("no 99th percentile")? as f64 / 1e6,
            etcd_mean_ms: etcd.mean_ms(),
            suspects_bytes_per_s: moved / (end.at - begin.at).as_secs_f64(),
        })
    }

    fn moment(&self, running: &[Running]) -> Result<Moment> {
        let bytes = |actor: &Running| actor.io().map(|(read, written)| read + written);
        let suspects = running.iter().map(bytes).sum::<Result<u64>>()?;
        Ok(Moment { at: Instant::now(), metrics: self.etcd.metrics()?, suspects })
    }

    fn load(&self, cgroup: &Cgroup, time: Duration) -> Result<Load> {
        let mut load = Load::start_for(self, cgroup, time, false)?;
        load.expect("start")?;
        load.expect("window")?;
        Ok(load)
    }

    /// Runs iocontend to its end; gives what it printed.
    fn iocontend(&self, words: &[&str], codes: &[i32]) -> Result<String> {
        let output = Command::new(&self.program).args(words).output().context("iocontend")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let ended = output.status.code().is_some_and(|code| codes.contains(&code));
        ensure!(ended, "iocontend {}: {}: {said}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}
