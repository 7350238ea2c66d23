//! What a person is shown, before anybody writes it: sections of blocks.
//!
//! Owns the shapes. Numbers stay numbers and names stay as they came from outside: a writer decides how they look, what
//! is cut or left out where there is little room, and makes them safe where it writes to.

use crate::text::{Label, Lang};

/// Stands in a sentence where a span of its own goes; see [`Text::with`].
pub(super) const SLOT: &str = "\0";

/// A whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The language of its sentences, and of the labels a writer puts in.
    pub lang: Lang,
    /// What it is called, for writers of pages; a terminal does not need it.
    pub title: String,
    /// Its sections in reading order; none is empty.
    pub sections: Vec<Section>,
}

/// What a section is about, so that a writer can pick and place sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionId {
    /// The answer.
    Verdict,
    /// Named patterns.
    Findings,
    /// Who is charged with the victims' waits.
    Blame,
    /// Waits without and with each culprit.
    Beside,
    /// Stalls.
    Stalls,
    /// Backups and peaks.
    Activity,
    /// What to do.
    Advice,
    /// Single waits.
    Worst,
    /// Window, host, targets.
    Facts,
    /// Devices.
    Devices,
    /// How long the targets waited.
    Waits,
    /// Who did which IO.
    Io,
    /// Command lines.
    Actors,
    /// What the numbers stand for.
    Coverage,
    /// What else has to be known.
    Notes,
    /// All of an interval.
    Interval,
    /// What can be measured on a host.
    Ability,
    /// What is wrong there.
    Problems,
    /// Kernel and rights.
    Offers,
    /// Who keeps data where.
    Data,
    /// Whether a change helped.
    Verified,
}

/// A section.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What it is about.
    pub id: SectionId,
    /// Its heading, if it has one.
    pub heading: Option<Label>,
    /// Behind the heading: how to read the section.
    pub remark: Option<Label>,
    /// Its fields say what it is about: a terminal leaves the heading out, a page does not.
    pub obvious: bool,
    /// What few ask for: a page shows it when it is asked for.
    pub folded: bool,
    /// What it says, in order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section with a heading.
    pub(super) const fn new(id: SectionId, heading: Label, blocks: Vec<Block>) -> Self {
        Self { id, heading: Some(heading), remark: None, obvious: false, folded: false, blocks }
    }

    /// One without.
    pub(super) const fn bare(id: SectionId, blocks: Vec<Block>) -> Self {
        Self { id, heading: None, remark: None, obvious: false, folded: false, blocks }
    }
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A sentence or several, wrapped where the line ends.
    Paragraph(Item),
    /// One line that the blocks below are about. A part of a name is cut out where it is too long.
    Head(Text),
    /// Items, each on a line of its own.
    List {
        /// The items.
        items: Vec<Item>,
        /// What happens to one that is too long.
        fit: Fit,
    },
    /// Texts with a word or two before each, aligned.
    Fields {
        /// One for each field.
        rows: Vec<Field>,
        /// They belong to what stands before them.
        inset: bool,
    },
    /// Rows and columns.
    Table(Table),
    /// What a time was made of, the largest first.
    Slices(Vec<Slice>),
    /// A distribution: upper edge in nanoseconds and count of every bucket that is not empty, ascending.
    Bars(Vec<(u64, u64)>),
    /// Blocks that belong together, set apart from what stands before.
    Group(Vec<Block>),
}

impl Block {
    /// A paragraph.
    pub(super) fn said(text: impl Into<Text>) -> Self {
        Self::Paragraph(Item::new(text))
    }

    /// Paragraphs, one below the other; `None` when there are none.
    pub(super) fn list<T: Into<Text>>(items: impl IntoIterator<Item = T>) -> Option<Self> {
        let items: Vec<Item> = items.into_iter().map(Item::new).collect();
        (!items.is_empty()).then_some(Self::List { items, fit: Fit::Wrap })
    }

    /// Fields that belong to nothing else.
    pub(super) const fn fields(rows: Vec<Field>) -> Self {
        Self::Fields { rows, inset: false }
    }
}

/// What happens to a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It goes on in the next one.
    Wrap,
    /// Its middle is left out: what is lost is a part of a name.
    Cut,
}

/// How a piece of text is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    Plain,
    /// What the lines below are about.
    Strong,
    /// What a reader must not miss.
    Alarm,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: Text,
    /// What belongs below it.
    pub below: Option<Text>,
    /// How it is set off.
    pub tone: Tone,
}

impl Item {
    /// A plain one.
    pub(super) fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into(), below: None, tone: Tone::Plain }
    }
}

/// A text with a word or two before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The words before it; `None` goes on with the field before.
    pub head: Option<Label>,
    /// What it says.
    pub text: Text,
    /// What is said about that.
    pub notes: Vec<Text>,
}

impl Field {
    /// A field without notes.
    pub(super) fn new(head: Label, text: impl Into<Text>) -> Self {
        Self { head: Some(head), text: text.into(), notes: Vec::new() }
    }

    /// More for the field before.
    pub(super) fn more(text: impl Into<Text>) -> Self {
        Self { head: None, text: text.into(), notes: Vec::new() }
    }
}

/// Rows of cells, as many as there are columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head. A line end in it is where it may be broken.
    pub label: Label,
    /// What it holds.
    pub kind: Kind,
    /// Where there is little room, the column with the highest rank goes first; 0 stays.
    pub rank: u8,
}

/// What a column holds, and so how it is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words and names: at the left.
    Words,
    /// Numbers: at the right.
    Numbers,
}

impl Column {
    /// A column of words.
    pub(super) const fn words(label: Label, rank: u8) -> Self {
        Self { label, kind: Kind::Words, rank }
    }

    /// A column of numbers.
    pub(super) const fn numbers(label: Label, rank: u8) -> Self {
        Self { label, kind: Kind::Numbers, rank }
    }
}

/// The columns of a distribution's bars.
pub const BARS: [Column; 4] = [
    Column::numbers(Label::UpTo, 0),
    Column::words(Label::Bar, 0),
    Column::numbers(Label::Count, 0),
    Column::numbers(Label::Cumulative, 0),
];

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// One for each column.
    pub cells: Vec<Cell>,
    /// Set off from the others.
    pub strong: bool,
}

impl Row {
    /// A row like the others.
    pub(super) const fn plain(cells: Vec<Cell>) -> Self {
        Self { cells, strong: false }
    }

    /// A row with a few cells of `width`, and the others empty.
    pub(super) fn sparse(width: usize, cells: impl IntoIterator<Item = (usize, Cell)>) -> Self {
        let mut all = vec![Cell::Empty; width];
        for (index, cell) in cells {
            if let Some(place) = all.get_mut(index) {
                *place = cell;
            }
        }
        Self::plain(all)
    }
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing belongs here.
    Empty,
    /// It is not known, or there is none.
    Absent,
    /// A fixed word.
    Label(Label),
    /// Words of ours, as [`Span::Words`].
    Words(String),
    /// A name or a path from outside.
    Name(String),
    /// A number of things.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// Nanoseconds.
    Time(u64),
    /// A number that is not a count.
    Decimal(f64),
    /// A part of a whole.
    Share(u64, u64),
    /// Things in so many nanoseconds, as a rate.
    PerSecond(u64, u64),
    /// Bytes in so many nanoseconds, as a rate.
    BytesPerSecond(u64, u64),
    /// Parts of a whole, by name.
    Slices(Vec<Slice>),
}

impl Cell {
    /// The value, or that there is none.
    pub(super) fn known(value: Option<Self>) -> Self {
        value.unwrap_or(Self::Absent)
    }

    /// A time that may not be known.
    pub(super) fn time(ns: Option<u64>) -> Self {
        Self::known(ns.map(Self::Time))
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What it is called.
    pub name: &'static str,
    /// How much of it.
    pub part: u64,
    /// Of how much.
    pub whole: u64,
}

/// Words for people, with what a writer may set off or cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Span>);

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Words, with names in them as they came from outside. Beyond ASCII the words themselves have only `µ`, ` · ` and `…`,
    /// for which a writer of ASCII has others.
    Words(String),
    /// A place, path or command.
    Code {
        /// As it came from outside.
        text: String,
        /// How much room it gets; as much as it takes, if nothing is said.
        room: Option<Room>,
    },
    /// A path in brackets behind what it explains; left out where there is no room for it.
    Aside {
        /// As it came from outside.
        text: String,
        /// How much room it gets.
        room: Room,
    },
}

/// Room for a span: a part of the line, less what stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The line's width is divided by this.
    pub of_width: usize,
    /// Columns of that which others take.
    pub less: usize,
}

impl Room {
    /// In columns, of a line with so many.
    pub const fn columns(self, width: usize) -> usize {
        (width / self.of_width).saturating_sub(self.less)
    }
}

impl Span {
    /// A whole place, path or command.
    pub(super) fn code(text: impl Into<String>) -> Self {
        Self::Code { text: text.into(), room: None }
    }
}

impl Text {
    /// A sentence with spans in place of its slots.
    pub(super) fn with(sentence: &str, spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans = spans.into_iter();
        let mut all = Vec::new();
        for (index, words) in sentence.split(SLOT).enumerate() {
            all.extend(if index > 0 { spans.next() } else { None });
            all.push(Span::Words(words.to_owned()));
        }
        Self(all)
    }

    /// Facts on one line.
    pub(super) fn joined(facts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for (index, Self(spans)) in facts.into_iter().enumerate() {
            all.extend((index > 0).then(|| Span::Words(" · ".to_owned())));
            all.extend(spans);
        }
        Self(all)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(vec![Span::Words(words)])
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

impl From<Span> for Text {
    fn from(span: Span) -> Self {
        Self(vec![span])
    }
}
