//! Where in a document a value stands, and patterns of such places.
//!
//! A pattern is written as `jq` would: `actors[].io[].q2d.p99_ns`. `[]` is any element of a list, `*` any field; `rules[stalls]` is
//! the one row that its keys tell apart so. It stands for the place and for everything below it.

use std::fmt;

/// One step from a value to what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of an object.
    Field(String),
    /// An element of a list: by what tells it from the others, or by its number.
    Element(String),
}

/// A place in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

impl Place {
    /// One step further.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// A field of what stands here.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.then(Step::Field(name.to_owned()))
    }

    /// The place without saying which element: `actors[].io[].count`.
    pub fn shape(&self) -> String {
        let elements = self.0.iter().map(|step| match step {
            Step::Element(which) if which != "order" => Step::Element(String::new()),
            other => other.clone(),
        });
        Self(elements.collect()).to_string()
    }

    /// Whether a pattern stands for this place or one above it.
    pub fn is_in(&self, pattern: &Pattern) -> bool {
        pattern.0.len() <= self.0.len()
            && pattern.0.iter().zip(&self.0).all(|(wanted, step)| wanted.fits(step))
    }

    /// Whether a pattern stands for this very place.
    pub fn is(&self, pattern: &Pattern) -> bool {
        pattern.0.len() == self.0.len() && self.is_in(pattern)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return to.write_str("the document");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if at == 0 => to.write_str(name)?,
                Step::Field(name) => write!(to, ".{name}")?,
                Step::Element(which) => write!(to, "[{which}]")?,
            }
        }
        Ok(())
    }
}

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Field(String),
    AnyField,
    AnyElement,
    Element(String),
}

impl Wanted {
    fn fits(&self, step: &Step) -> bool {
        match (self, step) {
            (Self::Field(wanted), Step::Field(name))
            | (Self::Element(wanted), Step::Element(name)) => wanted == name,
            (Self::AnyField, Step::Field(_)) | (Self::AnyElement, Step::Element(_)) => true,
            _ => false,
        }
    }
}

/// A set of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Wanted>);

impl Pattern {
    /// Reads one.
    pub fn new(text: &str) -> Self {
        let mut wanted = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (name, elements) = part.split_at(part.find('[').unwrap_or(part.len()));
            wanted.push(match name {
                "*" => Wanted::AnyField,
                name => Wanted::Field(name.to_owned()),
            });
            let elements = elements.split('[').skip(1).map(|one| one.trim_end_matches(']'));
            wanted.extend(elements.map(|one| match one {
                "" => Wanted::AnyElement,
                which => Wanted::Element(which.to_owned()),
            }));
        }
        Self(wanted)
    }

    pub(super) fn steps(&self) -> &[Wanted] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Place, Step};

    // Property: a pattern stands for its place and all below it, and for nothing beside or above it.
    #[test]
    fn a_pattern_stands_for_its_place_and_what_is_below() {
        let list = Place::default().field("actors").then(Step::Element("id=1".to_owned()));
        let place = list.field("io").then(Step::Element("0".to_owned())).field("count");
        assert_eq!(place.to_string(), "actors[id=1].io[0].count");
        assert_eq!(place.shape(), "actors[].io[].count");
        for inside in ["actors", "actors[]", "actors[].io[].count", "actors[].*[].count", ""] {
            assert!(place.is_in(&Pattern::new(inside)), "{inside}");
        }
        for outside in ["devices", "actors.io", "actors[].io[].bytes", "actors[].io[].count.more"] {
            assert!(!place.is_in(&Pattern::new(outside)), "{outside}");
        }
        assert!(place.is(&Pattern::new("actors[].io[].count")));
        assert!(!place.is(&Pattern::new("actors[].io[]")));
        assert!(place.is_in(&Pattern::new("actors[id=1].io")));
        assert!(!place.is_in(&Pattern::new("actors[id=2].io")));
    }
}
