//! What every writer of a document holds to, and helpers of the sections' tests.

use super::document::SLOT;
use super::{
    Block, Cell, Column, Document, Field, Fit, Item, Options, Room, Row, Section, SectionId, Span,
    Table, Text, Tone, summary,
};
use crate::render::{Style, markdown, text};
use crate::report::judged_sample;
use crate::text::{Label, Lang};

/// A document as text.
pub(super) fn written(document: &Document, width: usize) -> String {
    let mut out = Vec::new();
    text::document(document, &Style { width, ..Style::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A section as text; nothing when there is none.
pub(super) fn in_text(section: Option<Section>, width: usize) -> String {
    let sections = section.into_iter().collect();
    written(&Document { lang: Lang::En, title: String::new(), sections }, width)
}

/// The same as Markdown.
fn in_markdown(document: &Document) -> String {
    let mut out = Vec::new();
    markdown::write(document, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A document with one of everything.
fn small() -> Document {
    let cut = Text::with(
        &format!("a sync{SLOT}: late"),
        [Span::Aside {
            text: "/a/long/path/to/a/file".into(),
            room: Room { of_width: 2, less: 4 },
        }],
    );
    let table = Table {
        columns: vec![Column::words(Label::Actor, 0), Column::numbers(Label::Share, 1)],
        rows: vec![
            Row { cells: vec![Cell::Name("a|b*".into()), Cell::Share(1, 8)], strong: true },
            Row::plain(vec![Cell::Label(Label::Total), Cell::Absent]),
        ],
    };
    let alarm = Item { tone: Tone::Alarm, ..Item::new("12 lost.") };
    let item = Item { below: Some(Span::code("run --x").into()), ..Item::new("one · two") };
    let fields = vec![
        Field { notes: vec!["sure".into(), "few".into()], ..Field::new(Label::Info, "it is so.") },
        Field::more("It goes on."),
    ];
    let group = Block::Group(vec![Block::Head(cut), Block::Bars(vec![(1_000, 4), (2_048, 1)])]);
    let first = vec![Block::fields(fields), Block::Paragraph(alarm), group];
    let second = vec![Block::Table(table), Block::List { items: vec![item], fit: Fit::Cut }];
    let remark = Some(Label::IoOrder);
    Document {
        lang: Lang::En,
        title: "on a_b".into(),
        sections: vec![
            Section::bare(SectionId::Verdict, first),
            Section { remark, ..Section::new(SectionId::Io, Label::IoTitle, second) },
        ],
    }
}

// Property: each kind of block is written by both writers, in their own ways, from the same document.
#[test]
fn both_writers_write_every_block() {
    insta::assert_snapshot!(written(&small(), 60), @r#"
info  it is so.
      sure few
      It goes on.
12 lost.

a sync (/a/long/path/to/a/file): late
    UP TO                              COUNT  SO FAR
  1.02 µs  ██████████████████████████      4  80.0 %
  2.05 µs                                  0  80.0 %
  4.10 µs  ██████▌                         1   100 %

IO BY ACTOR (longest device time first)
ACTOR   SHARE
a|b*   12.5 %
total       -
one · two
  run --x
"#);
    insta::assert_snapshot!(in_markdown(&small()), @r#"
# on a\_b

- **info**: it is so.
  - sure
  - few
- It goes on.

**12 lost.**

**a sync (`/a/long/path/to/a/file`): late**

| UP TO |  | COUNT | SO FAR |
| ---: | --- | ---: | ---: |
| 1.02 µs | ████████████████████ | 4 | 80.0 % |
| 2.05 µs |  | 0 | 80.0 % |
| 4.10 µs | █████ | 1 | 100 % |

## IO by actor (longest device time first)

| ACTOR | SHARE |
| --- | ---: |
| a&#124;b\* | 12.5 % |
| total | - |

- one · two
  - `run --x`
"#);
}

// Property: a path that a line has no room for is left out with its brackets, and what stays is whole.
#[test]
fn an_aside_needs_room() {
    let line =
        |width| written(&small(), width).lines().find(|l| l.contains("late")).unwrap().to_owned();
    assert_eq!(line(80), "a sync (/a/long/path/to/a/file): late");
    assert_eq!(line(40), "a sync (/a/long/…/a/file): late");
    assert_eq!(line(30), "a sync: late");
}

// Property: a writer of ASCII has its own forms of what words have beyond it, and escapes what names have.
#[test]
fn words_have_ascii_forms() {
    let words = Text::joined(["1 µs".into(), "b…".into(), "ü".into()]);
    let document = Document {
        lang: Lang::En,
        title: String::new(),
        sections: vec![Section::bare(SectionId::Facts, vec![Block::said(words)])],
    };
    let mut out = Vec::new();
    text::document(&document, &Style { unicode: false, ..Style::default() }, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "1 us, b.., \\u{fc}\n");
}

// Property: sections are asked for by what they are about; none is there twice and none is empty; in full there is more.
#[test]
fn sections_are_there_once() {
    let report = judged_sample::judged();
    let of = |full| summary(&report, Options { full, ..Options::default() });
    let ids: Vec<SectionId> = of(false).sections.iter().map(|section| section.id).collect();
    assert_eq!(ids.first(), Some(&SectionId::Verdict));
    let once: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(once.len(), ids.len());
    assert!(of(true).sections.iter().all(|section| !section.blocks.is_empty()));
    assert!(in_markdown(&of(true)).len() > in_markdown(&of(false)).len());
}
