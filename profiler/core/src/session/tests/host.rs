//! A session on a small host: two disks, a clock that ticks, and processes as `/proc` would show them.

use super::super::{
    HostSample, Input, Intervals, Now, Options, Output, Session, Snapshot, Span, report_between,
};
use crate::facts::{ProcessFacts, ProcessKey};
use crate::ids::Dev;
use crate::report::{Actor, Report, check_consistency};
use crate::selector::Selector;

/// Number of devices that have an index; only the first has no name.
pub(super) const DEVICES: u32 = 3;

/// A session and its clock.
pub(super) struct Host {
    pub(super) session: Session,
    intervals: Intervals,
    seconds: u64,
}

impl Host {
    pub(super) fn new(selectors: &[Selector]) -> Self {
        let options = Options { selectors: selectors.to_vec(), ..Options::default() };
        let session = Session::new(options, at(0));
        let mut host = Self { session, intervals: Intervals::default(), seconds: 0 };
        let devices = (0..DEVICES).map(|minor| Some(Dev { major: 8, minor: 16 * minor })).collect();
        let cgroups =
            vec![Some((77, Some("/system.slice/a.service".to_owned()))), Some((78, None))];
        host.tell(Input::Tables { devices, cgroups });
        host.tell(Input::Started(HostSample::default()));
        host
    }

    /// Tells the engine something.
    pub(super) fn tell(&mut self, input: Input<'_>) -> Vec<Output> {
        self.session.apply(input, at(self.seconds))
    }

    /// A record of the ring.
    pub(super) fn record(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.tell(Input::Record(bytes))
    }

    /// A second later.
    pub(super) fn report(&mut self, span: Span) -> Report {
        self.seconds += 1;
        let sample = HostSample::default();
        match span {
            Span::Interval => {
                self.tell(Input::Host(sample));
                self.intervals.next(self.session.snapshot(at(self.seconds)))
            }
            Span::Whole => {
                self.tell(Input::Over(sample));
                report_between(None, &self.session.snapshot(at(self.seconds)))
            }
        }
    }

    /// What is known now.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.session.snapshot(at(self.seconds))
    }

    /// The same, with sums that agree.
    pub(super) fn consistent(&mut self, span: Span) -> Report {
        let report = self.report(span);
        assert_eq!(check_consistency(&report), Vec::<String>::new());
        report
    }
}

fn at(seconds: u64) -> Now {
    Now {
        mono_ns: seconds * 1_000_000_000,
        unix_ns: i64::try_from(seconds).unwrap() * 1_000_000_000,
    }
}

/// A process as `/proc` shows it.
pub(super) fn facts(pid: u32, start_ticks: u64, comm: &str, argv: &[&str]) -> ProcessFacts {
    let mut facts = ProcessFacts::named(ProcessKey { pid, start_ticks }, comm);
    facts.argv = argv.iter().map(|&argument| argument.to_owned()).collect();
    facts
}

/// The input of it.
pub(super) fn process(facts: ProcessFacts) -> Input<'static> {
    Input::Process(Box::new(facts))
}

/// The only actor with this id.
pub(super) fn actor<'a>(report: &'a Report, id: &str) -> &'a Actor {
    let found: Vec<&Actor> = report.actors.iter().filter(|actor| actor.id == id).collect();
    let ids: Vec<&str> = report.actors.iter().map(|actor| actor.id.as_str()).collect();
    assert_eq!(found.len(), 1, "{id} among {ids:?}");
    found[0]
}

/// Bytes of all rows.
pub(super) fn bytes(actor: &Actor) -> u64 {
    actor.io.iter().map(|row| row.bytes).sum()
}

/// Selectors that found a process, in order.
pub(super) fn found(outputs: &[Output]) -> Vec<&str> {
    fn selector(output: &Output) -> Option<&str> {
        if let Output::TargetFound { selector, .. } = output { Some(selector) } else { None }
    }
    outputs.iter().filter_map(selector).collect()
}
