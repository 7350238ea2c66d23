//! What was looked at: window, host, pressure, targets.

use super::document::{Block, Field, Section, SectionId, Text};
use super::{ABSENT, Options, names, time, verdict};
use crate::report::{Host, PsiIo, Report, Target, Window};
use crate::text::{Label, Lang, Msg, label, text};
use crate::units;

/// What a page with this report is called.
pub(super) fn title(report: &Report, lang: Lang) -> String {
    let host = report.host.hostname.as_deref().unwrap_or(label(lang, Label::Unknown));
    let answer = report.verdict.as_ref().map(|one| label(lang, verdict::outcome(one.answer)));
    text(lang, &Msg::TicketTitle { host, answer: answer.unwrap_or_default() })
}

/// Window, host, pressure and targets; in full also who says so.
#[expect(clippy::unnecessary_wraps, reason = "one of the makers, others of which may have nothing")]
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let lang = options.lang;
    let mut rows = vec![Field::new(Label::Window, window(&report.window, lang))];
    let mut host = host(&report.host, lang);
    let cgroups = report.host.cgroup_version;
    host.extend(cgroups.map(|version| text(lang, &Msg::Cgroups(version.name())).into()));
    if !host.is_empty() {
        rows.push(Field::new(Label::Host, Text::joined(host)));
    }
    let psi = report.host.psi_io.as_ref();
    let pressure = psi.and_then(|psi| pressure(psi, report.window.duration_ns, lang));
    rows.extend(pressure.map(|text| Field::new(Label::Pressure, text)));
    let targets = report.targets.iter().map(|one| target(report, one, lang));
    rows.extend(targets.map(|text| Field::new(Label::Targets, text)));
    if options.full {
        let version = text(lang, &Msg::Version(&report.tool.version));
        rows.push(Field::new(Label::WrittenBy, version));
    }
    let section = Section::new(SectionId::Facts, Label::FactsTitle, vec![Block::fields(rows)]);
    Some(Section { obvious: true, ..section })
}

fn target(report: &Report, target: &Target, lang: Lang) -> String {
    let selector = &target.selector;
    if target.actors.is_empty() {
        return text(lang, &Msg::NoMatch(selector));
    }
    let names: Vec<String> = target.actors.iter().map(|id| names::name_of(report, id)).collect();
    format!("{selector}: {}", names.join(", "))
}

/// IO pressure within the window; `None` when it is not known.
pub(super) fn pressure(psi: &PsiIo, duration_ns: u64, lang: Lang) -> Option<String> {
    let share = |us: Option<u64>| units::share(us?.saturating_mul(1_000), duration_ns);
    let (some, full) = (share(psi.some_delta_us)?, share(psi.full_delta_us));
    Some(text(lang, &Msg::Pressure { some: &some, full: full.as_deref().unwrap_or(ABSENT) }))
}

fn window(window: &Window, lang: Lang) -> String {
    let (start, end) = (&window.start, &window.end);
    text(lang, &Msg::Window { start, end, duration: &time(window.duration_ns) })
}

/// Its name, kernel, machine and processors.
pub(super) fn host(host: &Host, lang: Lang) -> Vec<Text> {
    let words = [&host.hostname, &host.kernel, &host.machine].into_iter().flatten();
    let cpus = host.cpus.map(|cpus| text(lang, &Msg::Cpus(&units::count(cpus.into()))));
    words.cloned().chain(cpus).map(Text::from).collect()
}
