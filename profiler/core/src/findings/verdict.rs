//! The verdict of a window: slow, contended, not the disk, or cannot tell.
//!
//! Waits above their lines make it a matter of the disk. Whose, is a matter of blame: others' share, or nobody's. Where
//! blame was not computed the answer is that it cannot be told, never that it was nobody.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::charges::{Charges, To};
use super::context::{Context, Victim};
use super::lines::{self, Level};
use super::waiting::{Sort, Waiting, share};
use super::{NotYet, trust, who};
use crate::ids::Role;
use crate::report::{Blame, Finding, Judgement, Mechanism, Outcome, Part, Severity};
use crate::text::{Lang, findings as words};

/// Findings that a verdict is about others, whatever the shares say over all waits: a short backup in a long window.
const OF_OTHERS: [&str; 3] =
    [super::snapshot_contention::ID, super::colocated_disk::ID, super::journal_entanglement::ID];

/// Others that a verdict names, at most.
const NAMED: usize = 3;

/// The verdict. `findings` are those of the same report, the worst first.
pub(super) fn of(context: &Context<'_>, findings: &[Finding]) -> Judgement {
    let judged: Vec<(&Victim<'_>, &Waiting<'_>)> = context
        .victims
        .iter()
        .flat_map(|victim| victim.waitings.iter().map(move |waiting| (victim, waiting)))
        .collect();
    if judged.is_empty() {
        return cannot_tell(vec![nothing_to_judge(context)]);
    }
    let because: Vec<String> = judged.iter().map(|one| stands(one)).collect();
    if context.lost() >= lines::LOST {
        let coverage = &context.report.coverage;
        let lost = who::lost(coverage);
        return cannot_tell([vec![lost], because].concat());
    }
    let others = findings
        .iter()
        .find(|found| OF_OTHERS.contains(&found.id.as_str()) && found.severity > Severity::Info);
    let above: Vec<(&Victim<'_>, &Waiting<'_>)> =
        judged.iter().copied().filter(|(_, waiting)| waiting.level() > Level::Fine).collect();
    let Some(worst) = above.iter().max_by_key(|(_, waiting)| (waiting.level(), waiting.sum_ns))
    else {
        return match others {
            Some(found) => {
                judgement(Outcome::Contended, words::at_times(Lang::En, &found.summary), because)
            }
            None => fine(&judged, because),
        };
    };
    if above.iter().all(|(_, waiting)| on_the_cpu(waiting) >= lines::MOST) {
        let summary = words::no_cpu(Lang::En, &stands(worst));
        return judgement(Outcome::NotTheDisk, summary, because);
    }
    blamed(context, &above, worst, others, because)
}

/// Waits are above their lines: whose are they?
fn blamed(
    context: &Context<'_>,
    above: &[(&Victim<'_>, &Waiting<'_>)],
    worst: &(&Victim<'_>, &Waiting<'_>),
    others: Option<&Finding>,
    because: Vec<String>,
) -> Judgement {
    let mut all = Shares::default();
    for (victim, waiting) in above {
        let Some(sort) = waiting.worst() else { continue };
        match context.charges(victim, waiting.class, sort) {
            Ok(charges) => all.add(context, &charges),
            Err(NotYet(why)) => return cannot_tell([vec![why], because].concat()),
        }
    }
    let because = [vec![all.in_words()], because].concat();
    let is_cured = others.is_some_and(|found| is_cured(found, worst.1));
    let named = trust::percent(all.of(all.named));
    match all.largest() {
        By::Named => all.contended(context, &stands(worst), because),
        By::Disk if all.of(all.named) >= lines::SHARE && is_cured => {
            all.contended(context, &stands(worst), because)
        }
        By::Disk => {
            let disk = trust::percent(all.of(all.disk));
            let summary = words::slow_verdict(Lang::En, &disk, &named, &stands(worst));
            judgement(Outcome::Slow, summary, because)
        }
        By::Cpu => judgement(Outcome::NotTheDisk, words::no_cpu(Lang::En, &stands(worst)), because),
        By::Nobody => cannot_tell(because),
    }
}

/// To whom the largest part of waits is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Others with a name.
    Named,
    /// The disk itself.
    Disk,
    /// The CPU, or a lack of it.
    Cpu,
    /// Others without a name, or it is not known.
    Nobody,
}

/// Whether waits without the culprit are below the line: with less than half of the blame it is still what to change.
fn is_cured(found: &Finding, waiting: &Waiting<'_>) -> bool {
    let alone = found.evidence.get("alone_p99_ns").and_then(serde_json::Value::as_u64);
    let count = found.evidence.get("alone_count").and_then(serde_json::Value::as_u64);
    count >= Some(lines::MANY) && alone.is_some_and(|ns| ns < waiting.line_ns)
}

/// Time of all waits that are too long, by whom it is charged to.
#[derive(Default)]
struct Shares<'a> {
    whole: u64,
    /// Others with a name.
    named: u64,
    /// Each of them.
    culprits: BTreeMap<&'a str, u64>,
    /// Others without: what could be given to nobody.
    unnamed: u64,
    /// The disk's own: nobody else's time in the device, its queue, its cache, a journal commit, a limit.
    disk: u64,
    /// On a CPU, or without one.
    cpu: u64,
    /// Neither who nor how is known.
    unknown: u64,
}

impl<'a> Shares<'a> {
    fn add(&mut self, context: &Context<'a>, charges: &Charges<'a>) {
        let is_named = |id: &str| !matches!(context.role(id), Some(Role::Unattributed) | None);
        for (id, ns) in charges.culprits(|id, row| is_named(id) && row.mechanism != Mechanism::Cpu)
        {
            let sum = self.culprits.entry(id).or_default();
            *sum = sum.saturating_add(ns);
        }
        let other = |to: To<'_>, row: &Blame, named: bool| {
            matches!(to, To::Other(id) if is_named(id) == named) && row.mechanism != Mechanism::Cpu
        };
        let known = |to: To<'_>, row: &Blame| {
            to == To::Own || to == To::Nobody && row.mechanism != Mechanism::Unexplained
        };
        let (named, unnamed) = (
            charges.ns(|to, row| other(to, row, true)),
            charges.ns(|to, row| other(to, row, false)),
        );
        let disk = charges.ns(|to, row| known(to, row) && row.mechanism != Mechanism::Cpu);
        let cpu = charges.ns(|_, row| row.mechanism == Mechanism::Cpu);
        let told = [named, unnamed, disk, cpu].into_iter().fold(0, u64::saturating_add);
        for (sum, ns) in [
            (&mut self.whole, charges.whole_ns),
            (&mut self.named, named),
            (&mut self.unnamed, unnamed),
            (&mut self.disk, disk),
            (&mut self.cpu, cpu),
            (&mut self.unknown, charges.whole_ns.saturating_sub(told)),
        ] {
            *sum = sum.saturating_add(ns);
        }
    }

    /// The largest part; of equal ones the first of these.
    fn largest(&self) -> By {
        let parts = [
            (By::Nobody, self.unnamed.max(self.unknown)),
            (By::Cpu, self.cpu),
            (By::Disk, self.disk),
            (By::Named, self.named),
        ];
        parts.into_iter().max_by_key(|(_, ns)| *ns).map_or(By::Nobody, |(by, _)| by)
    }

    fn contended(&self, context: &Context<'_>, stands: &str, because: Vec<String>) -> Judgement {
        let (share, culprits) =
            (trust::percent(self.of(self.named)), self.culprits_in_words(context));
        let summary = words::contended(Lang::En, stands, &share, &culprits);
        judgement(Outcome::Contended, summary, because)
    }

    fn of(&self, part: u64) -> f64 {
        share(part, self.whole)
    }

    /// The first few of the others with a name.
    fn culprits_in_words(&self, context: &Context<'_>) -> String {
        let mut culprits: Vec<(&str, u64)> =
            self.culprits.iter().map(|(id, ns)| (*id, *ns)).collect();
        culprits.sort_by_key(|(_, ns)| Reverse(*ns));
        let worth =
            |(index, (_, ns)): &(usize, (&str, u64))| *index == 0 || self.of(*ns) >= lines::SHARE;
        let named = culprits.into_iter().take(NAMED).enumerate().filter(worth);
        let named: Vec<String> = named.map(|(_, (id, _))| who::of(context, id)).collect();
        words::list(Lang::En, &named)
    }

    fn in_words(&self) -> String {
        let percent = |part| trust::percent(self.of(part));
        let shares = [self.named, self.unnamed, self.disk, self.cpu, self.unknown].map(percent);
        words::shares(Lang::En, &shares)
    }
}

/// Share of syncs' time that the thread ran or was ready to.
fn on_the_cpu(waiting: &Waiting<'_>) -> f64 {
    let worst = waiting.worst();
    worst.and_then(|sort| sort.share_of(&[Part::Runnable, Part::Cpu])).unwrap_or(0.0)
}

/// No wait is too long.
fn fine(judged: &[(&Victim<'_>, &Waiting<'_>)], mut because: Vec<String>) -> Judgement {
    let worst = judged.iter().max_by(|(_, a), (_, b)| by_line(a).total_cmp(&by_line(b)));
    let worst = worst.map(|one| stands(one)).unwrap_or_default();
    because.push(words::logs_not_read(Lang::En));
    judgement(Outcome::NotTheDisk, words::fine(Lang::En, &worst), because)
}

/// A 99th percentile as a multiple of its line.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn by_line(waiting: &Waiting<'_>) -> f64 {
    let p99 = waiting.worst().map_or(0, Sort::p99_ns);
    p99 as f64 / waiting.line_ns.max(1) as f64
}

/// Where the waits of a victim on one class stand.
fn stands((victim, waiting): &(&Victim<'_>, &Waiting<'_>)) -> String {
    let worst = waiting.worst();
    let time = |ns: Option<u64>| who::time(ns.unwrap_or(0));
    words::stands(
        Lang::En,
        &who::actor(victim.actor),
        (waiting.class.name(), worst.map_or("", |sort| sort.kind.name())),
        (&time(worst.map(Sort::p99_ns)), &time(worst.map(Sort::max_ns))),
        &who::time(waiting.line_ns),
    )
}

/// Why there is nothing to judge by.
fn nothing_to_judge(context: &Context<'_>) -> String {
    let most = context.victims.iter().filter_map(|victim| victim.too_few).max();
    let targets = context.report.targets.iter().any(|target| !target.actors.is_empty());
    match most {
        Some(count) => words::too_few(Lang::En, count, lines::ENOUGH),
        None if targets => words::no_waits(Lang::En),
        None => words::no_target(Lang::En),
    }
}

fn cannot_tell(because: Vec<String>) -> Judgement {
    let missing = because.first().cloned().unwrap_or_default();
    judgement(Outcome::CannotTell, words::cannot_tell(Lang::En, &missing), because)
}

fn judgement(answer: Outcome, summary: String, because: Vec<String>) -> Judgement {
    Judgement { answer, summary, because }
}
