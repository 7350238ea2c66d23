//! The yardstick: documents of today's engine against those that stand beside the captures.
//!
//! `path` is where a value stands, `diff` what differs, `rename` a golden document with a later version's names, `golden` how
//! documents are made and stored; here stands which differences count. `profiler/docs/yardstick.md` says how it is used.

pub mod diff;
pub mod golden;
pub mod path;
pub mod rename;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use diff::{Difference, Keys, differences};
use path::Pattern;

/// Differences that are printed one by one; the others are counted.
const SHOWN: usize = 48;
/// Characters of a value that are printed.
const VALUE_CHARS: usize = 90;

/// What counts as a difference.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    /// What tells the rows of a list apart.
    pub keys: &'a Keys,
    /// Where sentences for people stand.
    pub prose: &'a [&'a str],
    /// Whether those have to stay as they are.
    pub words_are_held: bool,
    /// Fields that have another place now: the golden one, the one now.
    pub renamed: &'a [(&'a str, &'a str)],
    /// Differences that are meant.
    pub accepted: &'a [Accepted<'a>],
}

/// A difference that is meant.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// The capture, or `*`.
    pub capture: &'a str,
    /// The place as it is now, with everything below it: see [`path`].
    pub place: &'a str,
    /// Why it is right.
    pub reason: &'a str,
}

/// Compares documents and remembers what was found.
#[derive(Debug)]
pub struct Judge<'a> {
    tables: Tables<'a>,
    prose: Vec<Pattern>,
    accepted: Vec<Pattern>,
    /// How often each was needed.
    accepted_hits: Vec<usize>,
    renamed_hits: Vec<usize>,
    numbers: Vec<Found>,
    words: Vec<Found>,
    compared: usize,
}

#[derive(Debug)]
struct Found {
    capture: String,
    document: String,
    difference: Difference,
}

impl<'a> Judge<'a> {
    /// One that has seen nothing yet.
    pub fn new(tables: Tables<'a>) -> Self {
        Self {
            tables,
            prose: tables.prose.iter().map(|place| Pattern::new(place)).collect(),
            accepted: tables.accepted.iter().map(|one| Pattern::new(one.place)).collect(),
            accepted_hits: vec![0; tables.accepted.len()],
            renamed_hits: vec![0; tables.renamed.len()],
            numbers: Vec::new(),
            words: Vec::new(),
            compared: 0,
        }
    }

    /// Compares all documents of a capture.
    pub fn compare(&mut self, capture: &str, golden: &[String], now: &[String]) -> Result<()> {
        for at in 0..golden.len().max(now.len()) {
            // The whole is the last one on both sides.
            let name = golden::name(at, golden.len().max(now.len()));
            match (golden.get(at), now.get(at)) {
                (Some(golden), Some(now)) => self.document(capture, &name, golden, now)?,
                (golden, now) => {
                    let place = path::Place::default().field("(document)");
                    let value = |line: Option<&String>| line.map(|text| Value::from(text.clone()));
                    let difference = Difference { place, golden: value(golden), now: value(now) };
                    self.found(capture, &name, difference);
                }
            }
        }
        Ok(())
    }

    /// Compares one document.
    pub fn document(&mut self, capture: &str, name: &str, golden: &str, now: &str) -> Result<()> {
        self.compared += 1;
        if golden == now {
            return Ok(());
        }
        let read = |text: &str| -> Result<Value> {
            serde_json::from_str(text).with_context(|| format!("{capture}, {name}: not JSON"))
        };
        let (mut golden, now) = (read(golden)?, read(now)?);
        for (hits, (old, new)) in self.renamed_hits.iter_mut().zip(self.tables.renamed) {
            *hits += rename::rename(&mut golden, old, new);
        }
        for difference in differences(&golden, &now, self.tables.keys) {
            self.found(capture, name, difference);
        }
        Ok(())
    }

    fn found(&mut self, capture: &str, document: &str, difference: Difference) {
        let is_accepted = |at: &usize| {
            let named = self.tables.accepted[*at].capture;
            (named == "*" || named == capture) && difference.place.is_in(&self.accepted[*at])
        };
        let hits: Vec<usize> = (0..self.accepted.len()).filter(is_accepted).collect();
        for at in &hits {
            self.accepted_hits[*at] += 1;
        }
        if !hits.is_empty() {
            return;
        }
        let is_prose = self.prose.iter().any(|place| difference.place.is_in(place));
        if is_prose && !self.tables.words_are_held {
            return;
        }
        let (capture, document) = (capture.to_owned(), document.to_owned());
        let list = if is_prose { &mut self.words } else { &mut self.numbers };
        list.push(Found { capture, document, difference });
    }

    /// What is wrong, for people; `None` when nothing is.
    pub fn complaint(&self) -> Option<String> {
        let mut out = String::new();
        show(&mut out, "numbers and names", &self.numbers);
        show(&mut out, "words", &self.words);
        let unused = |hits: &[usize], at: usize| hits[at] == 0;
        for (at, one) in self.tables.accepted.iter().enumerate() {
            if unused(&self.accepted_hits, at) {
                let Accepted { capture, place, reason } = one;
                line(
                    &mut out,
                    format_args!(
                        "stale: accepted, but does not differ: {capture} {place} ({reason})"
                    ),
                );
            }
        }
        for (at, (old, new)) in self.tables.renamed.iter().enumerate() {
            if unused(&self.renamed_hits, at) {
                line(
                    &mut out,
                    format_args!(
                        "stale: renamed, but no document that differs has it: {old} to {new}"
                    ),
                );
            }
        }
        (!out.is_empty()).then(|| format!("{} documents compared\n{out}", self.compared))
    }
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.push_str(&words.to_string());
    out.push('\n');
}

fn show(out: &mut String, what: &str, found: &[Found]) {
    if found.is_empty() {
        return;
    }
    line(out, format_args!("{} differences in {what}:", found.len()));
    for Found { capture, document, difference: Difference { place, golden, now } } in
        found.iter().take(SHOWN)
    {
        let (golden, now) = (shown(golden.as_ref()), shown(now.as_ref()));
        line(
            out,
            format_args!("  {capture}, {document}: {place}\n    golden {golden}\n    now    {now}"),
        );
    }
    if found.len() > SHOWN {
        line(out, format_args!("  … and {} more; by place, all of them:", found.len() - SHOWN));
        let mut places: BTreeMap<String, (usize, std::collections::BTreeSet<&str>)> =
            BTreeMap::new();
        for one in found {
            let (count, captures) = places.entry(one.difference.place.shape()).or_default();
            *count += 1;
            captures.insert(&one.capture);
        }
        for (place, (count, captures)) in places {
            line(out, format_args!("  {count:>6} × {place} in {} captures", captures.len()));
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "(nothing)".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, Judge, Tables};

    const TABLES: Tables<'_> = Tables {
        keys: &[("actors", &["id"])],
        prose: &["findings[].summary"],
        words_are_held: true,
        renamed: &[],
        accepted: &[],
    };

    const GOLDEN: &str =
        r#"{"actors":[{"id":"1","n":5}],"findings":[{"id":"slow","summary":"It is slow."}]}"#;

    fn complaint(tables: Tables<'_>, now: &str) -> Option<String> {
        let mut judge = Judge::new(tables);
        judge.compare("night", &[GOLDEN.to_owned()], &[now.to_owned()]).unwrap();
        judge.complaint()
    }

    // Property: a number that is another one is named with capture, document, place and both values.
    #[test]
    fn a_planted_difference_is_reported() {
        assert_eq!(complaint(TABLES, GOLDEN), None);
        let said = complaint(TABLES, &GOLDEN.replace(":5", ":6")).unwrap();
        for part in
            ["1 differences in numbers", "night, whole: actors[1].n", "golden 5", "now    6"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = complaint(TABLES, &GOLDEN.replace("slow\"", "fast\"")).unwrap();
        assert!(said.contains("findings[0].id"), "{said}");
    }

    // Property: a document more or less is a difference, also where all others are the same.
    #[test]
    fn a_missing_document_is_reported() {
        let mut judge = Judge::new(TABLES);
        let one = GOLDEN.to_owned();
        judge.compare("night", &[one.clone(), one.clone()], &[one]).unwrap();
        assert!(judge.complaint().unwrap().contains("(document)"));
    }

    // Property: other words are told apart from other numbers, and can be let go without letting numbers go.
    #[test]
    fn words_are_compared_apart() {
        let other_words = GOLDEN.replace("It is slow.", "Slow.");
        let said = complaint(TABLES, &other_words).unwrap();
        assert!(said.contains("1 differences in words") && !said.contains("numbers"), "{said}");
        let free = Tables { words_are_held: false, ..TABLES };
        assert_eq!(complaint(free, &other_words), None);
        assert!(complaint(free, &other_words.replace(":5", ":6")).is_some());
    }

    // Property: a field with another name is compared with what it was called, and still has to be the same.
    #[test]
    fn a_renamed_field_is_followed() {
        let tables = Tables { renamed: &[("actors[].n", "actors[].count")], ..TABLES };
        let now = GOLDEN.replace("\"n\"", "\"count\"");
        assert_eq!(complaint(tables, &now), None);
        assert!(complaint(TABLES, &now).is_some());
        let said = complaint(tables, &now.replace(":5", ":6")).unwrap();
        assert!(said.contains("actors[1].count"), "{said}");
        let stale = Tables { renamed: &[("actors[].m", "actors[].count")], ..TABLES };
        assert!(complaint(stale, &now).unwrap().contains("stale: renamed"));
    }

    // Property: an accepted difference passes in its capture and place only, and one that is none any more is told.
    #[test]
    fn an_accepted_difference_passes_until_it_is_stale() {
        let one = |capture, place| [Accepted { capture, place, reason: "counted twice before" }];
        let now = GOLDEN.replace(":5", ":6");
        for (capture, place, passes) in [
            ("night", "actors[].n", true),
            ("*", "actors", true),
            ("day", "actors[].n", false),
            ("night", "actors[].m", false),
        ] {
            let said = complaint(Tables { accepted: &one(capture, place), ..TABLES }, &now);
            assert_eq!(said.is_none(), passes, "{capture} {place}: {said:?}");
        }
        let accepted = one("night", "actors[].n");
        let stale = complaint(Tables { accepted: &accepted, ..TABLES }, GOLDEN).unwrap();
        assert!(stale.contains("stale: accepted") && stale.contains("counted twice"), "{stale}");
    }

    // Property: however many differ, the message stays short and says where the others are.
    #[test]
    fn many_differences_are_counted_by_place() {
        let list = |from: usize| serde_json::json!({ "l": (from..from + 500).collect::<Vec<_>>() });
        let mut judge = Judge::new(TABLES);
        judge.document("night", "whole", &list(0).to_string(), &list(1).to_string()).unwrap();
        let said = judge.complaint().unwrap();
        assert!(said.lines().count() < 160, "{said}");
        assert!(said.contains("500 × l[] in 1 captures"), "{said}");
    }
}
