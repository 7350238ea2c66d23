//! Owns what the samples say: medians, ratios round by round, the tables, and the promises they are held against.
use std::io::Write as _;

use anyhow::{Result, bail};
use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::measure::Sample;
use super::stats::Usage;
use super::switches::Switches;
use super::watcher::Watcher;

/// Promised: our kernel time per IO against biolatency's, at most.
const MOST_OF_BIOLATENCY: f64 = 0.75;
/// Promised: IOPS lost at a fixed rate, at most.
const MOST_IOPS_LOST: f64 = 0.03;
/// Promised: userspace at 100,000 IOPS, share of one core.
const MOST_CPU: f64 = 0.05;
/// Promised: peak memory, MiB.
const MOST_RSS: f64 = 40.0;
/// Promised: at 100,000 switches a second of targets' threads, share of the machine.
const MOST_SWITCHING: f64 = 0.03;
/// Promised: the same of threads that are no target's.
const MOST_SWITCHING_OTHERS: f64 = 0.01;

/// All that was measured.
pub(super) struct Results {
    /// As fast as possible, BPF statistics on.
    pub(super) free: Vec<Sample>,
    /// At a fixed 50,000 IOPS, statistics off.
    pub(super) fixed: Vec<Sample>,
    /// Context switches.
    pub(super) switches: Vec<Switches>,
}

/// One promise and what was measured.
struct Promise {
    name: &'static str,
    measured: Option<f64>,
    most: f64,
}

impl Results {
    pub(super) fn print(&self, check: bool) -> Result<()> {
        let promises = self.promises();
        let mut table = new_table(&["promise", "measured", "at most"]);
        for promise in &promises {
            table.add_row([
                promise.name.to_owned(),
                show(promise.measured, 4),
                promise.most.to_string(),
            ]);
        }
        let text = format!("{}\n\n{table}\n\n{}\n", self.by_watcher(), self.by_switcher());
        std::io::stdout().lock().write_all(text.as_bytes())?;
        if check { held(&promises) } else { Ok(()) }
    }

    fn by_watcher(&self) -> Table {
        let mut table = new_table(&["4 KiB random reads, loop on tmpfs"]);
        let mut header = vec!["4 KiB random reads, loop on tmpfs, medians".to_owned()];
        header.extend(Watcher::ALL.map(|watcher| watcher.name().to_owned()));
        table.set_header(header);
        let iops = |samples, watcher| values(samples, watcher, |sample| Some(sample.outcome.iops));
        let ns = |watcher| values(&self.free, watcher, |sample| sample.kernel_ns);
        let cpu = |samples, watcher| values(samples, watcher, |s| s.usage.map(|usage| usage.cpu));
        let rss = |watcher| values(&self.free, watcher, |s| s.usage.map(|usage| usage.rss_mib));
        let mut row = |name: &str, of: &dyn Fn(Watcher) -> Option<f64>, digits| {
            let mut cells = vec![name.to_owned()];
            cells.extend(Watcher::ALL.map(|watcher| show(of(watcher), digits)));
            table.add_row(cells);
        };
        row("IOPS, depth 32", &|watcher| median(iops(&self.free, watcher)), 0);
        row("kernel ns per IO (BPF statistics on)", &|watcher| median(ns(watcher)), 0);
        let all = |watcher| values(&self.free, watcher, |sample| sample.all_ns);
        row("… with the hook at the scheduler", &|watcher| median(all(watcher)), 0);
        row(
            "kernel ns per IO / biolatency's",
            &|watcher| ratio(&ns(watcher), &ns(Watcher::Biolatency)),
            2,
        );
        row("userspace, cores", &|watcher| median(cpu(&self.free, watcher)), 3);
        row("peak memory, MiB", &|watcher| median(rss(watcher)), 0);
        row(
            "IOPS at a fixed 50,000 / nobody's",
            &|watcher| ratio(&iops(&self.fixed, watcher), &iops(&self.fixed, Watcher::Nobody)),
            4,
        );
        row("userspace at 50,000 IOPS, cores", &|watcher| median(cpu(&self.fixed, watcher)), 3);
        table
    }

    fn by_switcher(&self) -> Table {
        let mut table = new_table(&[
            "context switches, two threads per CPU, medians",
            "ns per switch",
            "more than nobody, ns",
            "at 100,000/s, share of the machine",
        ]);
        for (name, ns, more, share) in [
            ("nobody", self.switch_ns(|s| s.nobody), None, None),
            (
                "iocontend, of others",
                self.switch_ns(|s| s.others),
                more(self, |s| s.others),
                self.share(|s| s.others),
            ),
            (
                "iocontend, of a target",
                self.switch_ns(|s| s.target),
                more(self, |s| s.target),
                self.share(|s| s.target),
            ),
        ] {
            table.add_row([name.to_owned(), show(ns, 0), show(more, 0), show(share, 4)]);
        }
        table
    }

    fn switch_ns(&self, of: impl Fn(&Switches) -> f64) -> Option<f64> {
        median(self.switches.iter().map(of).collect())
    }

    /// Of all CPUs, at 100,000 switches a second on the whole machine.
    fn share(&self, of: impl Fn(&Switches) -> f64) -> Option<f64> {
        let cpus = self.switches.first()?.cpus;
        Some(more(self, of)? * 100_000.0 / 1e9 / cpus)
    }

    fn promises(&self) -> Vec<Promise> {
        let ns = |watcher| values(&self.free, watcher, |sample| sample.kernel_ns);
        let iops = |watcher| values(&self.fixed, watcher, |sample| Some(sample.outcome.iops));
        let usage = |of: fn(&Sample, Usage) -> f64| {
            values(&self.free, Watcher::Iocontend, |sample| Some(of(sample, sample.usage?)))
        };
        let kept = ratio(&iops(Watcher::Iocontend), &iops(Watcher::Nobody));
        vec![
            Promise {
                name: "kernel time per IO / biolatency's",
                measured: ratio(&ns(Watcher::Iocontend), &ns(Watcher::Biolatency)),
                most: MOST_OF_BIOLATENCY,
            },
            Promise {
                name: "IOPS lost at a fixed 50,000",
                measured: kept.map(|kept| 1.0 - kept),
                most: MOST_IOPS_LOST,
            },
            Promise {
                name: "userspace at 100,000 IOPS, cores",
                measured: median(usage(|s, usage| usage.cpu * 100_000.0 / s.outcome.iops)),
                most: MOST_CPU,
            },
            Promise {
                name: "peak memory, MiB",
                measured: median(usage(|_, usage| usage.rss_mib)),
                most: MOST_RSS,
            },
            Promise {
                name: "100,000 switches/s of a target, share of the machine",
                measured: self.share(|switches| switches.target),
                most: MOST_SWITCHING,
            },
            Promise {
                name: "100,000 switches/s of others, share of the machine",
                measured: self.share(|switches| switches.others),
                most: MOST_SWITCHING_OTHERS,
            },
        ]
    }
}

/// How much longer a switch takes than with nobody watching, round by round, ns.
fn more(results: &Results, of: impl Fn(&Switches) -> f64) -> Option<f64> {
    median(results.switches.iter().map(|round| of(round) - round.nobody).collect())
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    table
}

fn held(promises: &[Promise]) -> Result<()> {
    let broken: Vec<String> = promises
        .iter()
        // What was not measured is not held.
        .filter(|promise| promise.measured.is_none_or(|value| value > promise.most))
        .map(|p| format!("{}: {} (at most {})", p.name, show(p.measured, 4), p.most))
        .collect();
    if broken.is_empty() { Ok(()) } else { bail!("promises broken: {}", broken.join("; ")) }
}

fn values(
    samples: &[Sample],
    watcher: Watcher,
    value: impl Fn(&Sample) -> Option<f64>,
) -> Vec<f64> {
    samples.iter().filter(|sample| sample.watcher == watcher).filter_map(value).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Ratio per round, then the median: a slow minute hits both sides of its round.
fn ratio(of: &[f64], to: &[f64]) -> Option<f64> {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}

fn show(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_was_not_measured_is_broken() {
        let promise = |measured| Promise { name: "x", measured, most: 1.0 };
        assert!(held(&[promise(Some(1.0))]).is_ok());
        assert!(held(&[promise(Some(1.1))]).is_err());
        assert!(held(&[promise(None)]).is_err());
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        assert_eq!(ratio(&[1.0, 20.0, 3.0], &[2.0, 40.0, 6.0]), Some(0.5));
        assert_eq!(ratio(&[], &[]), None);
    }
}
