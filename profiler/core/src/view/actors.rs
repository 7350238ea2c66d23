//! Who the actors are: where they run, who started them, and what was started.

use super::Options;
use super::document::{Block, Fit, Item, Room, Section, SectionId, Span, Text};
use super::io;
use super::names::name;
use crate::ids::Role;
use crate::redact::paper_line;
use crate::report::{Actor, Report};
use crate::text::{Label, Msg, label, names as words, text};

/// The actors with IO.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let rows = io::rows(report);
    let actors = io::shown_actors(&rows).into_iter().filter(|actor| actor.pid.is_some());
    let items: Vec<Item> = actors.map(|actor| item(report, actor, options)).collect();
    if items.is_empty() {
        return None;
    }
    let list = Block::List { items, fit: Fit::Cut };
    Some(Section::new(SectionId::Actors, Label::WhoTitle, vec![list]))
}

fn item(report: &Report, actor: &Actor, options: Options) -> Item {
    let lang = options.lang;
    let mut facts: Vec<Text> = vec![name(actor).into()];
    let half = Some(Room { of_width: 2, less: 0 });
    facts.extend(place(actor).map(|text| Span::Code { text, room: half }.into()));
    facts.extend(actor.started_by.as_ref().map(|starter| {
        let starter = words::starter(lang, starter.how, &starter.name);
        text(lang, &Msg::StartedBy(&starter)).into()
    }));
    facts.extend(actor.exited.then(|| label(lang, Label::Exited).into()));
    Item { below: Some(command(report, actor, options)), ..Item::new(Text::joined(facts)) }
}

/// Where it runs: pod, else unit, else cgroup.
fn place(actor: &Actor) -> Option<String> {
    let pod = actor.pod.as_ref().map(|pod| {
        let parts = [&pod.namespace, &pod.name, &pod.container];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
    });
    let place = pod.filter(|pod| !pod.is_empty());
    place.or_else(|| actor.unit.clone()).or_else(|| actor.cgroup.clone())
}

/// What was started. Long arguments are cut, unless command lines were asked for whole.
fn command(report: &Report, actor: &Actor, options: Options) -> Text {
    let argv = actor.argv.as_ref().filter(|argv| !argv.is_empty());
    match (argv, &actor.exe, actor.role) {
        (Some(argv), _, _) if report.has_whole_command_lines() => Span::code(argv.join(" ")).into(),
        (Some(argv), _, _) => Span::code(paper_line(argv)).into(),
        (None, Some(exe), _) => Span::code(exe).into(),
        (None, None, Role::Kernel) => label(options.lang, Label::KernelThread).into(),
        (None, None, _) => label(options.lang, Label::Unknown).into(),
    }
}
